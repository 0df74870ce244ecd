// Cuts a full resync's payload out of the primary's bytes. Pure.
//
//   $<length>\r\n<length bytes>                  written from a file
//   $EOF:<40 characters>\r\n<bytes><the same 40>  streamed, length not known before the end
//
// Line ends before the header are the primary's sign of life. Bytes after the payload belong to the command stream and are
// not consumed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace holdfast::node {

class PayloadReader {
 public:
  struct Step {
    size_t consumed = 0;
    // What to spool of this step, in order; each may be empty. `held` was withheld by an earlier step, because it could
    // have been the start of the end mark.
    std::string held;
    std::string_view data;
    bool done = false;
  };

  // Feed until done or consumed == bytes.size(). An error ends the connection.
  Result<Step> feed(std::string_view bytes);

  bool started() const { return started_; }           // the header was read
  std::optional<uint64_t> total() const { return total_; }  // nothing: streamed
  uint64_t received() const { return received_; }

 private:
  Result<> read_header();
  Step feed_counted(std::string_view bytes);
  Step feed_marked(std::string_view bytes);

  static constexpr size_t kMarkLength = 40;
  static constexpr size_t kLongestHeader = 1024;

  bool started_ = false;
  std::string header_;
  std::optional<uint64_t> total_;
  std::string mark_;
  std::string tail_;  // withheld: a proper prefix of the mark's length at most
  uint64_t received_ = 0;
};

}  // namespace holdfast::node
