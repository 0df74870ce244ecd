#include "node/replication/payload_reader.h"

#include <algorithm>

#include "common/base/text.h"

namespace holdfast::node {

Result<PayloadReader::Step> PayloadReader::feed(std::string_view bytes) {
  size_t header_bytes = 0;
  while (!started_) {
    if (header_bytes == bytes.size()) return Step{.consumed = header_bytes};
    const char c = bytes[header_bytes++];
    if (c != '\n') {
      if (header_.size() == kLongestHeader) return fail("Bad protocol from MASTER, the bulk header is too long");
      header_ += c;
      continue;
    }
    if (!header_.empty() && header_.back() == '\r') header_.pop_back();
    if (header_.empty()) continue;  // a sign of life
    if (auto ok = read_header(); !ok) return std::unexpected(ok.error());
  }
  Step step = total_ ? feed_counted(bytes.substr(header_bytes)) : feed_marked(bytes.substr(header_bytes));
  step.consumed += header_bytes;
  received_ += step.held.size() + step.data.size();
  return step;
}

Result<> PayloadReader::read_header() {
  const std::string_view line = header_;
  if (line[0] == '-') return fail("MASTER aborted replication with an error: {}", line.substr(1));
  if (line[0] != '$') {
    return fail("Bad protocol from MASTER, the first byte is not '$' (we received '{}'), are you sure the host and port "
                "are right?",
                line.substr(0, 64));
  }
  if (line.substr(1, 4) == "EOF:" && line.size() >= 5 + kMarkLength) {
    mark_ = line.substr(5, kMarkLength);
  } else {
    total_ = parse_uint64(line.substr(1));
    if (!total_) return fail("Bad protocol from MASTER, wrong bulk length '{}'", line.substr(0, 64));
  }
  started_ = true;
  return {};
}

PayloadReader::Step PayloadReader::feed_counted(std::string_view bytes) {
  const size_t count = static_cast<size_t>(std::min<uint64_t>(bytes.size(), *total_ - received_));
  return {.consumed = count, .data = bytes.substr(0, count), .done = received_ + count == *total_};
}

PayloadReader::Step PayloadReader::feed_marked(std::string_view bytes) {
  // First where the mark could begin in the withheld tail: look at the tail and as much as could complete it.
  Step step;
  if (!tail_.empty()) {
    const size_t tail_size = tail_.size();
    std::string joined = tail_ + std::string(bytes.substr(0, kMarkLength));
    const size_t at = joined.find(mark_);
    if (at != std::string::npos && at < tail_size) {
      step.held = joined.substr(0, at);
      step.consumed = at + kMarkLength - tail_size;
      step.done = true;
      return step;
    }
    if (bytes.size() < kMarkLength) {
      // Everything may still be part of the mark, apart from what is too far from the end.
      const size_t keep = std::min(joined.size(), kMarkLength - 1);
      step.held = joined.substr(0, joined.size() - keep);
      tail_ = joined.substr(joined.size() - keep);
      step.consumed = bytes.size();
      return step;
    }
    step.held = std::move(tail_);
    tail_.clear();
  }
  const size_t at = bytes.find(mark_);
  if (at != std::string_view::npos) {
    step.data = bytes.substr(0, at);
    step.consumed = at + kMarkLength;
    step.done = true;
    return step;
  }
  const size_t keep = std::min(bytes.size(), kMarkLength - 1);
  step.data = bytes.substr(0, bytes.size() - keep);
  tail_ = bytes.substr(bytes.size() - keep);
  step.consumed = bytes.size();
  return step;
}

}  // namespace holdfast::node
