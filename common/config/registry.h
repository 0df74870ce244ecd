// All options of a binary: the rows, and CONFIG GET and SET over them.
//
// A registry is bound to one options struct, whose members hold the defaults when their rows are added and the values
// afterwards. Both belong to one thread. Error texts are complete replies ("ERR ..."), in Redis's words.
#pragma once

#include <chrono>
#include <concepts>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "common/config/option.h"
#include "common/config/values.h"

namespace holdfast::config {

template <class E>
using EnumNames = std::vector<std::pair<std::string_view, E>>;

class Registry {
 public:
  // --- Rows -------------------------------------------------------------------------------------------------------
  Option& boolean(std::string name, bool& field, Flags flags, std::string help);
  Option& text(std::string name, std::string& field, Flags flags, std::string help,
               std::function<Result<>(const std::string&)> validator = {});
  Option& memory(std::string name, uint64_t& field, uint64_t min, uint64_t max, Flags flags, std::string help);
  Option& memory_or_percent(std::string name, MemoryOrPercent& field, Flags flags, std::string help);
  Option& octal(std::string name, unsigned& field, unsigned max, Flags flags, std::string help);

  // Integers and chrono durations (counted in the unit of the field's type).
  template <class T>
  Option& integer(std::string name, T& field, int64_t min, int64_t max, Flags flags, std::string help) {
    return custom<T>(std::move(name), field,
                     {.parse = [min, max](T& value, const Words& words, size_t) -> Result<> {
                        const auto parsed = parse_integer(words[0], min, max);
                        if (!parsed) return std::unexpected(parsed.error());
                        value = static_cast<T>(*parsed);
                        return {};
                      },
                      .get =
                          [](const T& value) {
                            if constexpr (std::integral<T>) {
                              return fmt::format("{}", value);
                            } else {
                              return fmt::format("{}", value.count());
                            }
                          }},
                     flags, std::move(help));
  }

  // One of a list of names, in any case. A value with several names shows the first.
  template <class E>
  Option& enumeration(std::string name, E& field, EnumNames<E> names, Flags flags, std::string help) {
    return custom<E>(std::move(name), field,
                     {.parse = [names](E& value, const Words& words, size_t) -> Result<> {
                        const auto parsed = find_name(names, words[0]);
                        if (!parsed) return unknown_name(names);
                        value = *parsed;
                        return {};
                      },
                      .get =
                          [names](const E& value) {
                            for (const auto& [text, one] : names) {
                              if (one == value) return std::string(text);
                            }
                            return std::string();
                          }},
                     flags, std::move(help));
  }

  template <class T>
  Option& custom(std::string name, T& field, Codec<T> codec, Flags flags, std::string help) {
    return add(std::make_unique<TypedOption<T>>(std::move(name), field, std::move(codec), flags, std::move(help)));
  }

  // A directive of conf files that is known, and always wrong for this reason.
  Option& refuse(std::string name, std::string reason);
  // A directive of conf files that is accepted with any words and means nothing to an option (`flags`: kNoEffect tells
  // --check-config to say so).
  Option& accept(std::string name, Flags flags, std::string help);

  template <class E>
  static std::optional<E> find_name(const EnumNames<E>& names, std::string_view text) {
    for (const auto& [name, value] : names) {
      if (same_name(name, text)) return value;
    }
    return std::nullopt;
  }
  template <class E>
  static std::unexpected<Error> unknown_name(const EnumNames<E>& names) {
    std::string list;
    for (const auto& [name, value] : names) list += (list.empty() ? "" : ", ") + std::string(name);
    return fail("argument(s) must be one of the following: {}", list);
  }

  // Asserts that every name and alias is there once. Called after the last row.
  void check_rows() const;

  // --- Look-up ----------------------------------------------------------------------------------------------------
  Option* find(std::string_view name) const;  // by name or alias, in any case; nullptr when unknown
  const std::vector<std::unique_ptr<Option>>& options() const { return options_; }
  // The known name or alias nearest to a misspelt one, if one is near.
  std::optional<std::string> did_you_mean(std::string_view name) const;

  // --- CONFIG GET and SET -----------------------------------------------------------------------------------------
  // Name and value of all options that one of the globs names, each once, aliases under both names.
  std::vector<std::pair<std::string, std::string>> get(std::span<const std::string> patterns) const;

  // Registers what must happen when one of the options was changed by CONFIG SET: called once for a SET, after all its
  // values are in the struct. An error undoes the whole SET; `apply` is then called again, with the old values.
  void on_change(std::vector<std::string> names, std::function<Result<>()> apply);

  // All or nothing. `protected_allowed`: this client may set protected options; `loading`: the data set is being
  // loaded.
  Result<> set(std::span<const std::pair<std::string, std::string>> pairs, bool protected_allowed,
               bool loading = false);

 private:
  struct Change {
    std::string name;  // as the client spelt it
    Option* option;
    std::function<void()> restore;
    std::string before;
  };

  static bool same_name(std::string_view a, std::string_view b);
  Option& add(std::unique_ptr<Option> option);
  Result<std::vector<Change>> store_all(std::span<const std::pair<std::string, std::string>> pairs,
                                        bool protected_allowed, bool loading);
  Result<> apply_all(const std::vector<Change>& changes);

  std::monostate nothing_;  // what the rows of refuse() and accept() are bound to
  std::vector<std::unique_ptr<Option>> options_;
  mutable std::unordered_map<std::string, Option*> by_name_;  // names and aliases; filled at the first look-up
  mutable size_t indexed_ = 0;
  std::vector<std::function<Result<>()>> appliers_;
  std::unordered_map<const Option*, std::vector<size_t>> appliers_of_;
};

}  // namespace holdfast::config
