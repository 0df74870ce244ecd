// The commands that make a value anew: what the base of an append-only file holds when aof-use-rdb-preamble is off.
//
// Collections go in batches of kItemsPerCommand elements, as Redis writes them. Output is handed to the sink block by
// block, so that a value of any size needs no more memory; the first error of the sink is latched. One thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/resp/writer.h"
#include "node/persistence/byte_stream.h"
#include "node/persistence/sliced_write.h"
#include "node/types/value.h"

namespace holdfast::node {

class CommandOutput {
 public:
  static constexpr size_t kItemsPerCommand = 64;

  explicit CommandOutput(ByteSink& sink) : sink_(sink), writer_(block_) {}

  void put(std::span<const std::string_view> argv);
  void put_raw(std::string_view bytes);
  // A command word by word: first how many words, then each.
  void begin(size_t words) { writer_.array(words); }
  void word(std::string_view text) { writer_.bulk(text); }
  void end() {
    if (block_.size() >= kBlockBytes) (void)flush();
  }

  Result<> flush();
  const Result<>& status() const { return status_; }
  uint64_t bytes_put() const { return flushed_ + block_.size(); }

 private:
  static constexpr size_t kBlockBytes = 64 * 1024;
  ByteSink& sink_;
  std::string block_;
  resp::Writer writer_;
  uint64_t flushed_ = 0;
  Result<> status_;
};

// `command key item item ...` for a known number of items, split into commands of kItemsPerCommand.
class CommandBatch {
 public:
  CommandBatch(CommandOutput& out, std::string_view command, std::string_view key, size_t items)
      : out_(out), command_(command), key_(key), left_(items) {}

  // The words of the next item; every item has as many.
  template <size_t kWords>
  void add(const std::array<std::string_view, kWords>& words) {
    if (open_ == 0) {
      open_ = left_ < CommandOutput::kItemsPerCommand ? left_ : CommandOutput::kItemsPerCommand;
      left_ -= open_;
      out_.begin(2 + open_ * kWords);
      out_.word(command_);
      out_.word(key_);
    }
    for (const std::string_view word : words) out_.word(word);
    if (--open_ == 0) out_.end();
  }
  // Whether a command is not complete yet.
  bool open() const { return open_ > 0; }

 private:
  CommandOutput& out_;
  std::string_view command_, key_;
  size_t left_;      // items of later commands
  size_t open_ = 0;  // items that the present one still expects
};

void put_value_commands(CommandOutput& out, std::string_view key, const Value& value);
// The same for a list or a stream, with stops. All three live as long as the result.
SlicedWrite put_sequence_commands(CommandOutput& out, std::string_view key, const Object& object);

}  // namespace holdfast::node
