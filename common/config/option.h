// One option: a row of the registry, bound to a member of an options struct.
//
// The row drives the conf parser, CONFIG GET/SET/REWRITE, --check-config, --print-config and the sample confs; the rest
// of the program reads the struct's member. Rows are used by the thread that owns the struct. A failed parse leaves the
// member as it was, and its Error is the reason in Redis's words.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/result.h"
#include "common/config/tokenizer.h"

namespace holdfast::config {

enum Flags : uint32_t {
  kMutable = 0,
  kImmutable = 1,           // CONFIG SET refuses it
  kProtected = 2,           // CONFIG SET refuses it unless enable-protected-configs allows it to this client
  kSensitive = 4,           // the value must not reach the log, the error block or --print-config
  kHidden = 8,              // CONFIG GET shows it only under its exact name
  kMultiArgument = 16,      // takes any number of words; one word with spaces in it is taken apart
  kNoCommand = 32,          // a directive of conf files only: unknown to CONFIG GET and SET
  kPreserve = 64,           // REWRITE leaves its lines alone
  kNoEffect = 128,          // accepted for compatibility, without effect here (--check-config says so)
  kOwn = 256,               // Holdfast's own: Redis does not know it
  kRaw = 512,               // takes any number of words, each as it is
  kQuietAliases = 4096,     // CONFIG GET shows the aliases only under their exact names (names of later versions)
  kNotWhileLoading = 2048,  // CONFIG SET refuses it while the data set is being loaded
  kDirectory = 1024,        // must name an existing folder when it is loaded
};
constexpr Flags operator|(Flags a, Flags b) {
  return static_cast<Flags>(static_cast<uint32_t>(a) | static_cast<uint32_t>(b));
}

// One occurrence of a directive in a conf file.
struct Occurrence {
  Words words;  // without the directive's name
  int line = 0;
};

class Option {
 public:
  Option(std::string name, Flags flags, std::string help);
  virtual ~Option() = default;
  Option(const Option&) = delete;
  Option& operator=(const Option&) = delete;

  Option& alias(std::string name) {
    aliases_.push_back(std::move(name));
    return *this;
  }
  const std::string& name() const { return name_; }
  const std::vector<std::string>& aliases() const { return aliases_; }
  const std::string& help() const { return help_; }
  bool has(Flags flag) const { return (flags_ & flag) != 0; }

  // All occurrences of the directive, in order, over the default. Failed ones are reported by their index and skipped.
  using Failures = std::vector<std::pair<size_t, Error>>;
  virtual Failures load(std::span<const Occurrence> occurrences) = 0;
  // CONFIG SET: over the present value.
  virtual Result<> set(const std::string& value) = 0;
  virtual std::string get() const = 0;  // as CONFIG GET answers
  virtual std::string default_value() const = 0;
  virtual bool is_default() const = 0;
  // A function that puts the present value back.
  virtual std::function<void()> saved() const = 0;

  // Conf lines for the present value, each without the directive's name; `append` is false where the line need not be
  // written unless the file has it already.
  struct Line {
    Words words;
    bool append = true;
  };
  virtual std::vector<Line> lines() const = 0;
  // Which of the option's lines this is ("client-output-buffer-limit replica"): a line replaces the one of its key.
  virtual std::string key(const Words& words) const = 0;
  // Whether these occurrences, loaded from the default, give the present value.
  virtual bool matches(std::span<const Occurrence> occurrences) const = 0;

 protected:
  Result<Words> checked(const Words& words) const;  // the count of words, and one word taken apart (kMultiArgument)

 private:
  std::string name_;
  std::vector<std::string> aliases_;
  Flags flags_;
  std::string help_;
};

// How a type of value is read and written. `parse` changes `value`, knowing how many occurrences came before it.
template <class T>
struct Codec {
  std::function<Result<>(T& value, const Words& words, size_t occurrence)> parse;
  std::function<std::string(const T&)> get;
  std::function<std::vector<Option::Line>(const T&)> lines;  // none: one line, the text of `get`
  std::function<std::string(const Words&)> key;              // none: one key for all lines
};

template <class T>
class TypedOption final : public Option {
 public:
  TypedOption(std::string name, T& field, Codec<T> codec, Flags flags, std::string help)
      : Option(std::move(name), flags, std::move(help)), field_(field), default_(field), codec_(std::move(codec)) {}

  Failures load(std::span<const Occurrence> occurrences) override {
    Failures failures;
    field_ = loaded(occurrences, failures);
    return failures;
  }
  Result<> set(const std::string& value) override {
    T parsed = field_;
    auto words = checked({value});
    if (!words) return std::unexpected(words.error());
    if (auto done = codec_.parse(parsed, *words, 0); !done) return done;
    field_ = std::move(parsed);
    return {};
  }
  std::string get() const override { return codec_.get(field_); }
  std::string default_value() const override { return codec_.get(default_); }
  bool is_default() const override { return field_ == default_; }
  std::function<void()> saved() const override {
    return [this, value = field_] { field_ = value; };
  }
  std::vector<Line> lines() const override {
    if (codec_.lines) return codec_.lines(field_);
    if (has(kMultiArgument)) {
      Words words = split_words(codec_.get(field_)).value_or(Words{});
      if (words.empty()) words.emplace_back();
      return {Line{std::move(words)}};
    }
    return {Line{{codec_.get(field_)}}};
  }
  std::string key(const Words& words) const override { return codec_.key ? name() + ' ' + codec_.key(words) : name(); }
  bool matches(std::span<const Occurrence> occurrences) const override {
    Failures failures;
    return loaded(occurrences, failures) == field_ && failures.empty();
  }

 private:
  T loaded(std::span<const Occurrence> occurrences, Failures& failures) const {
    T value = default_;
    for (size_t i = 0; i < occurrences.size(); ++i) {
      T next = value;
      auto words = checked(occurrences[i].words);
      auto done = words ? codec_.parse(next, *words, i) : Result<>(std::unexpected(words.error()));
      if (done) {
        value = std::move(next);
      } else {
        failures.emplace_back(i, done.error());
      }
    }
    return value;
  }

  T& field_;
  const T default_;
  const Codec<T> codec_;
};

}  // namespace holdfast::config
