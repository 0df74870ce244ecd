// Counts replies in a RESP2 stream that arrives in pieces of any size, without building them: the load generator must
// be cheaper than the server it measures.
//
// Not thread-safe; one for each connection. A stream that is not RESP2 sets broken() and nothing more is counted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace holdfast::bench {

class ReplyScanner {
 public:
  // Takes the next bytes of the stream; returns how many whole replies (nested arrays count as one) ended in them.
  size_t feed(std::string_view bytes);

  bool broken() const { return broken_; }
  // Error replies and null replies, also those inside arrays.
  uint64_t errors() const { return errors_; }
  uint64_t nulls() const { return nulls_; }
  const std::string& first_error() const { return first_error_; }

 private:
  void take_line(std::string_view line);
  void finish_element();

  std::string line_;        // the beginning of a line whose end has not arrived
  uint64_t skip_ = 0;       // bytes of a bulk string's body (and its CRLF) still to come
  uint64_t remaining_ = 1;  // elements until the current reply is whole
  size_t finished_ = 0;
  uint64_t errors_ = 0;
  uint64_t nulls_ = 0;
  std::string first_error_;
  bool broken_ = false;
};

}  // namespace holdfast::bench
