#include "node/types/string_lcs.h"

#include <algorithm>
#include <cstdlib>
#include <memory>

namespace holdfast::node {
namespace {

// lengths(i, j): the subsequence's length of the first i bytes of a and the first j of b.
class Table {
 public:
  Table(size_t rows, size_t columns) : columns_(columns) {
    if (rows != 0 && columns > SIZE_MAX / sizeof(uint32_t) / rows) return;
    cells_.reset(static_cast<uint32_t*>(std::malloc(rows * columns * sizeof(uint32_t))));
  }
  bool allocated() const { return cells_ != nullptr; }
  uint32_t& at(size_t i, size_t j) { return cells_.get()[i * columns_ + j]; }

 private:
  struct Free {
    void operator()(uint32_t* cells) const { std::free(cells); }
  };
  size_t columns_;
  std::unique_ptr<uint32_t, Free> cells_;
};

}  // namespace

bool longest_common_subsequence(std::string_view a, std::string_view b, LcsResult& result) {
  if (a.size() >= UINT32_MAX - 1 || b.size() >= UINT32_MAX - 1) return false;
  Table lengths(a.size() + 1, b.size() + 1);
  if (!lengths.allocated()) return false;
  for (size_t i = 0; i <= a.size(); ++i) {
    for (size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        lengths.at(i, j) = 0;
      } else if (a[i - 1] == b[j - 1]) {
        lengths.at(i, j) = lengths.at(i - 1, j - 1) + 1;
      } else {
        lengths.at(i, j) = std::max(lengths.at(i - 1, j), lengths.at(i, j - 1));
      }
    }
  }
  result.length = lengths.at(a.size(), b.size());
  result.text.assign(result.length, '\0');
  size_t left = result.length;
  bool extend = false;  // the previous step was a match right after this place in both strings
  for (size_t i = a.size(), j = b.size(); i > 0 && j > 0;) {
    if (a[i - 1] == b[j - 1]) {
      result.text[--left] = a[i - 1];
      const auto at_a = static_cast<uint32_t>(i - 1);
      const auto at_b = static_cast<uint32_t>(j - 1);
      if (extend) {
        result.matches.back().a_first = at_a;
        result.matches.back().b_first = at_b;
      } else {
        result.matches.push_back({at_a, at_a, at_b, at_b});
      }
      extend = true;
      --i, --j;
      continue;
    }
    extend = false;
    // Ties go towards the start of b: this order decides which of several subsequences is reported.
    if (lengths.at(i - 1, j) > lengths.at(i, j - 1)) {
      --i;
    } else {
      --j;
    }
  }
  return true;
}

}  // namespace holdfast::node
