#include "node/replication/stream_forwarder.h"

#include "common/base/text.h"

namespace holdfast::node {

std::string_view StreamForwarder::take(std::string_view raw, std::span<const std::string_view> argv) {
  if (!argv.empty()) {
    if (iequals(argv[0], "multi")) open_ = true;
    if (iequals(argv[0], "exec") || iequals(argv[0], "discard")) open_ = false;
  }
  if (!open_ && held_.empty()) return raw;
  held_ += raw;
  if (open_) return {};
  ready_.swap(held_);
  held_.clear();
  return ready_;
}

void StreamForwarder::reset() {
  held_.clear();
  open_ = false;
}

}  // namespace holdfast::node
