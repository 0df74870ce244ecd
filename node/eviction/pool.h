// The best candidates for eviction seen so far: what makes a choice among few sampled keys come close to one among all.
//
// Holds up to kMost keys by name, best last. A candidate may have gone or been used since it was seen; whoever takes it
// looks it up again. Pure; one thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast::node {

class EvictionPool {
 public:
  static constexpr size_t kMost = 16;

  struct Candidate {
    uint64_t score = 0;
    int db = 0;
    std::string key;
  };

  // Keeps the candidate if it is better than the worst one or there is room. A key that is in the pool already moves to
  // where its new score belongs.
  void offer(uint64_t score, int db, std::string_view key);
  // Takes out the best one.
  std::optional<Candidate> take();
  void clear() { size_ = 0; }
  size_t size() const { return size_; }

 private:
  void remove(size_t index);

  std::array<Candidate, kMost> candidates_;  // [0, size_) ascending; the strings of the rest are room to be used again
  size_t size_ = 0;
};

}  // namespace holdfast::node
