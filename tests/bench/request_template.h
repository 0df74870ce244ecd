// A command with places to be filled in, made ready so that a request costs a copy and a few digits.
//
// Words are separated by blanks. In a word may stand
//   {key}        a random key number below `keys`, 12 digits
//   {rand:N}     a random number below N, with as many digits as N - 1 has
//   {seq}        the next number of the run's sequence, 12 digits
//   {value}      `value_bytes` letters
//   {value:A-B}  a random number of letters from A to B; must be a word of its own
// so "SET key:{key} {value}" has keys of 16 bytes.
//
// Not thread-safe in append().
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/random.h"
#include "common/base/result.h"

namespace holdfast::bench {

struct TemplateLimits {
  uint64_t keys = 1;  // at least 1
  uint64_t value_bytes = 64;
};

// first, first + step, first + 2 step ...
struct Sequence {
  uint64_t next = 0;
  uint64_t step = 1;

  uint64_t take() {
    const uint64_t value = next;
    next += step;
    return value;
  }
};

class RequestTemplate {
 public:
  static Result<RequestTemplate> parse(std::string_view text, const TemplateLimits& limits);

  // Appends one request in wire form.
  void append(std::string& out, RandomSource& random, Sequence& sequence) const;

 private:
  struct Piece {
    enum class Kind { kLiteral, kRandom, kSequence, kLetters };
    Kind kind = Kind::kLiteral;
    std::string text;     // of a literal
    uint64_t bound = 0;   // of a random number
    unsigned digits = 0;  // of a number
    uint64_t least = 0;   // of letters: how many
    uint64_t most = 0;
  };

  Result<std::vector<Piece>> parse_word(std::string_view word, const TemplateLimits& limits) const;
  static Result<Piece> parse_place(std::string_view name, const TemplateLimits& limits);
  void add_word(std::vector<Piece> pieces);
  void add_literal(std::string_view text);

  std::vector<Piece> pieces_;
};

}  // namespace holdfast::bench
