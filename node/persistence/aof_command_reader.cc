#include "node/persistence/aof_command_reader.h"

#include <algorithm>
#include <cstring>
#include <limits>

namespace holdfast::node {

namespace {

constexpr size_t kReadBytes = 256 * 1024;
constexpr size_t kMaxReadBytes = 16 * 1024 * 1024;

// The file's own commands are believed whatever the limits for clients are.
constexpr resp::RequestLimits kLimits{.max_bulk = std::numeric_limits<int64_t>::max() / 2, .authenticated = true};

}  // namespace

Result<AofCommandReader::Item> AofCommandReader::next() {
  start_ += item_bytes_;
  item_bytes_ = 0;
  if (!batch_.empty() && ++number_ < batch_.size()) {
    item_bytes_ = batch_bytes_[number_];
    return Item::command;
  }
  batch_.clear();
  number_ = 0;
  if (start_ == filled_) {
    const auto more = read_more();
    if (!more) return std::unexpected(more.error());
    if (!*more) return Item::end;
  }
  switch (buffer_[start_]) {
    case '*':
      parse_ahead();
      if (batch_.empty()) return read_command();
      item_bytes_ = batch_bytes_[0];
      return Item::command;
    case '#':
      return read_annotation();
    default:
      return malformed(fmt::format("expected '*', got 0x{:02x}", static_cast<uint8_t>(buffer_[start_])));
  }
}

// Whole commands in good order, up to the first thing that is anything else: read_command() will say what.
void AofCommandReader::parse_ahead() {
  std::array<size_t, kMaxBatch> firsts;
  size_t count = 0;
  std::string_view input = rest();
  ahead_.rewind();
  for (; count < kMaxBatch && input.starts_with('*'); ++count) {
    if (ahead_.parse_next(input, kLimits) != resp::RequestParser::Status::request) break;
    if (!malformed_command(input.substr(0, ahead_.consumed()), ahead_.args()).empty()) break;
    firsts[count] = ahead_.first_argument();
    batch_.push_back(ahead_.args());  // as for its size: the array may move still
    batch_bytes_[count] = ahead_.consumed();
    input.remove_prefix(ahead_.consumed());
  }
  for (size_t i = 0; i < count; ++i) batch_[i] = {ahead_.batch_args() + firsts[i], batch_[i].size()};
}

Result<bool> AofCommandReader::read_more() {
  if (start_ > 0) {  // drop what was consumed
    std::memmove(buffer_.data(), buffer_.data() + start_, filled_ - start_);
    buffer_offset_ += start_;
    filled_ -= start_;
    start_ = 0;
  }
  const size_t wanted = std::clamp(filled_, kReadBytes, kMaxReadBytes);
  if (buffer_.size() < filled_ + wanted) buffer_.resize(filled_ + wanted);
  const auto count = file_.read_at(buffer_offset_ + filled_, std::span(buffer_).subspan(filled_, wanted));
  if (!count) return std::unexpected(count.error());
  filled_ += *count;
  return *count > 0;
}

Result<AofCommandReader::Item> AofCommandReader::read_annotation() {
  while (true) {
    const std::string_view line = rest();
    const size_t end = line.find('\n');
    if (end != std::string_view::npos && end < kMaxAnnotation) {
      annotation_ = line.substr(1, end - 1);
      if (annotation_.ends_with('\r')) annotation_.remove_suffix(1);
      item_bytes_ = end + 1;
      return Item::annotation;
    }
    if (line.size() >= kMaxAnnotation) return malformed("too long annotation");
    const auto more = read_more();
    if (!more) return std::unexpected(more.error());
    if (!*more) return Item::torn;
  }
}

Result<AofCommandReader::Item> AofCommandReader::read_command() {
  while (true) {
    switch (parser_.parse(rest(), kLimits)) {
      case resp::RequestParser::Status::request: {
        const std::string_view fault = malformed_command(rest(), parser_.args());
        if (!fault.empty()) return malformed(std::string(fault));
        item_bytes_ = parser_.consumed();
        return Item::command;
      }
      case resp::RequestParser::Status::error:
        return malformed(parser_.error());
      case resp::RequestParser::Status::need_more:
        break;
    }
    const auto more = read_more();
    if (!more) return std::unexpected(more.error());
    if (!*more) return Item::torn;
  }
}

// The parser serves connections and looks only at the bytes it needs; a file is checked to the last one.
std::string_view AofCommandReader::malformed_command(std::string_view item, std::span<const std::string_view> args) {
  if (args.empty()) return "empty command";
  if (item.substr(item.find('\r')).substr(0, 3) != "\r\n$") return "expected '$'";
  for (const std::string_view argument : args) {
    const auto at = static_cast<size_t>(argument.data() - item.data());
    if (item.substr(at - 2, 2) != "\r\n") return "a length is not followed by CRLF";
    if (item.substr(at + argument.size(), 2) != "\r\n") return "an argument is not followed by CRLF";
  }
  return {};
}

Result<AofCommandReader::Item> AofCommandReader::malformed(std::string reason) {
  reason_ = std::move(reason);
  const auto zeros = zero_tail_start();
  if (!zeros) return std::unexpected(zeros.error());
  // The zeros begin inside the item, and what is before them is the beginning of a command: a torn write.
  if (*zeros >= buffer_offset_ + filled_) return Item::corrupt;
  const std::string_view before = rest().substr(0, *zeros > offset() ? static_cast<size_t>(*zeros - offset()) : 0);
  if (before.empty()) return Item::torn;
  if (before.front() == '#') return before.find('\n') == std::string_view::npos ? Item::torn : Item::corrupt;
  resp::RequestParser parser;
  if (before.front() == '*' && parser.parse(before, kLimits) == resp::RequestParser::Status::need_more) {
    return Item::torn;
  }
  return Item::corrupt;
}

// Where the zeros at the end of the file begin, looking from the item's start on; the file's size when there are none.
Result<uint64_t> AofCommandReader::zero_tail_start() {
  const auto last_other = [](std::string_view bytes) { return bytes.find_last_not_of('\0'); };
  uint64_t end = buffer_offset_ + filled_;
  const size_t in_buffer = last_other(rest());
  uint64_t zeros = in_buffer == std::string_view::npos ? offset() : offset() + in_buffer + 1;
  std::string block(kReadBytes, '\0');
  while (true) {
    const auto count = file_.read_at(end, block);
    if (!count) return std::unexpected(count.error());
    if (*count == 0) return zeros;
    const size_t in_block = last_other(std::string_view(block).substr(0, *count));
    if (in_block != std::string_view::npos) zeros = end + in_block + 1;
    end += *count;
  }
}

}  // namespace holdfast::node
