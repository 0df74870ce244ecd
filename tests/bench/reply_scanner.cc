#include "tests/bench/reply_scanner.h"

#include <algorithm>
#include <cstring>

#include "common/base/text.h"

namespace holdfast::bench {

size_t ReplyScanner::feed(std::string_view bytes) {
  finished_ = 0;
  while (!bytes.empty() && !broken_) {
    if (skip_ > 0) {
      const auto taken = std::min<uint64_t>(skip_, bytes.size());
      bytes.remove_prefix(taken);
      skip_ -= taken;
      if (skip_ == 0) finish_element();
      continue;
    }
    const auto* end = static_cast<const char*>(std::memchr(bytes.data(), '\n', bytes.size()));
    if (end == nullptr) {
      line_.append(bytes);
      break;
    }
    const std::string_view piece = bytes.substr(0, static_cast<size_t>(end - bytes.data()) + 1);
    bytes.remove_prefix(piece.size());
    if (line_.empty()) {
      take_line(piece);
    } else {
      line_.append(piece);
      take_line(line_);
      line_.clear();
    }
  }
  return finished_;
}

void ReplyScanner::take_line(std::string_view line) {
  if (line.size() < 3 || line[line.size() - 2] != '\r') {
    broken_ = true;
    return;
  }
  const char type = line[0];
  const std::string_view text = line.substr(1, line.size() - 3);
  if (type == '+' || type == ':') return finish_element();
  if (type == '-') {
    if (errors_++ == 0) first_error_ = text;
    return finish_element();
  }
  const auto length = parse_int64(text);
  if ((type != '$' && type != '*') || !length || *length < -1) {
    broken_ = true;
  } else if (*length == -1) {
    ++nulls_;
    finish_element();
  } else if (type == '$') {
    skip_ = static_cast<uint64_t>(*length) + 2;
  } else {
    remaining_ += static_cast<uint64_t>(*length);
    finish_element();
  }
}

void ReplyScanner::finish_element() {
  if (--remaining_ == 0) {
    ++finished_;
    remaining_ = 1;
  }
}

}  // namespace holdfast::bench
