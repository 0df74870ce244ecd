// Which bytes of the primary's stream count: those of whole commands, and a transaction's only with its EXEC. Pure.
//
// A replica's offset is the sum of what take() returned, so a link that breaks inside a transaction continues before its
// MULTI, and replicas of this replica never get half of one.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace holdfast::node {

class StreamForwarder {
 public:
  // One command was applied; `raw` are its bytes. What counts now: empty inside a transaction, else this command or the
  // whole transaction that it ends. Valid until the next call.
  std::string_view take(std::string_view raw, std::span<const std::string_view> argv);
  void reset();  // the link is gone
  size_t held() const { return held_.size(); }

 private:
  std::string held_;  // the bytes of an open MULTI
  std::string ready_;
  bool open_ = false;
};

}  // namespace holdfast::node
