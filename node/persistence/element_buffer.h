// Elements of a large value that changed before it was written: a queue in little memory. Executor thread only.
//
// In blocks: adding one never moves what is there (tens of megabytes, were it one piece of memory, and clients would wait
// for that), and what was taken is given back bit by bit.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <string>
#include <string_view>

#include "node/persistence/snapshot_format.h"

namespace holdfast::node {

class ElementBuffer {
 public:
  static constexpr size_t kBlockBytes = 64 * 1024;  // unless an element needs more

  void add(const ElementView& element) {
    const Head head{element.name.size(), element.value.size(), element.score, element.expires_ms};
    const size_t needed = sizeof head + element.name.size() + element.value.size();
    if (blocks_.empty() || blocks_.back().size() + needed > blocks_.back().capacity()) {
      blocks_.emplace_back().reserve(std::max(kBlockBytes, needed + 1) - 1);  // and a zero behind them
      bytes_ += blocks_.back().capacity();
    }
    blocks_.back().append(reinterpret_cast<const char*>(&head), sizeof head).append(element.name).append(element.value);
  }
  bool empty() const { return blocks_.empty() || (blocks_.size() == 1 && at_ == blocks_.front().size()); }
  // The oldest; its texts are valid until the next call.
  ElementView next() {
    if (at_ == blocks_.front().size()) drop_front();
    const std::string_view block = blocks_.front();
    Head head;
    std::memcpy(&head, block.data() + at_, sizeof head);
    at_ += sizeof head;
    const ElementView element{block.substr(at_, head.name), block.substr(at_ + head.name, head.value), head.score,
                              head.expires_ms};
    at_ += head.name + head.value;
    return element;
  }
  void clear() {
    blocks_.clear();
    at_ = bytes_ = 0;
  }
  // The memory that it takes.
  size_t bytes() const { return bytes_; }

 private:
  struct Head {
    size_t name, value;
    double score;
    int64_t expires_ms;
  };

  void drop_front() {
    bytes_ -= blocks_.front().capacity();
    blocks_.pop_front();
    at_ = 0;
  }

  std::deque<std::string> blocks_;
  size_t at_ = 0;     // in the first
  size_t bytes_ = 0;
};

}  // namespace holdfast::node
