// Reads the commands and the `#` lines of an append-only file one by one, and tells a torn tail from corruption.
//
// Torn is what a crash leaves: the file ends inside a command, or the rest of the file from somewhere inside the
// command (or from its start) is zeros, which preallocation and some file systems leave. Everything else that is not
// RESP is corrupt. Memory grows with the bytes that are there, never by a length in them. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/fs/file_system.h"
#include "common/resp/request_parser.h"

namespace holdfast::node {

class AofCommandReader {
 public:
  enum class Item { command, annotation, end, torn, corrupt };

  AofCommandReader(File& file, uint64_t offset) : file_(file), buffer_offset_(offset) {}

  // The next item; an Error only where the file cannot be read. Nothing more is to be read after end, torn or corrupt.
  Result<Item> next();

  // Of the last item. Views are valid until the next call.
  std::span<const std::string_view> args() const { return batch_.empty() ? parser_.args() : batch_[number_]; }
  // The commands that come next, this one included, as far as they are parsed: not empty with the first of them only. The
  // others come in this order, and number() is a command's place among them; views are valid until the last one's next().
  std::span<const std::span<const std::string_view>> batch() const {
    return number_ == 0 ? std::span<const std::span<const std::string_view>>(batch_)
                        : std::span<const std::span<const std::string_view>>();
  }
  std::optional<size_t> number() const { return batch_.empty() ? std::nullopt : std::optional(number_); }
  std::string_view annotation() const { return annotation_; }  // without '#' and line end
  const std::string& reason() const { return reason_; }        // of corrupt
  uint64_t offset() const { return buffer_offset_ + start_; }  // where the item starts
  uint64_t end_offset() const { return offset() + item_bytes_; }

 private:
  static constexpr size_t kMaxAnnotation = 1024;
  static constexpr size_t kMaxBatch = 32;

  std::string_view rest() const { return std::string_view(buffer_).substr(start_, filled_ - start_); }
  Result<bool> read_more();  // false: the end of the file
  Result<Item> read_annotation();
  Result<Item> read_command();
  Result<Item> malformed(std::string reason);
  Result<uint64_t> zero_tail_start();
  static std::string_view malformed_command(std::string_view item, std::span<const std::string_view> args);
  void parse_ahead();

  File& file_;
  std::string buffer_;
  uint64_t buffer_offset_;  // file offset of buffer_[0]
  size_t start_ = 0;        // of the item in buffer_
  size_t filled_ = 0;
  size_t item_bytes_ = 0;
  resp::RequestParser parser_;
  resp::RequestParser ahead_;  // of a batch
  std::vector<std::span<const std::string_view>> batch_;
  std::array<size_t, kMaxBatch> batch_bytes_;
  size_t number_ = 0;  // the item's, in batch_
  std::string_view annotation_;
  std::string reason_;
};

}  // namespace holdfast::node
