#include "node/types/hyperloglog.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "common/base/assert.h"

namespace holdfast::node::hyperloglog {
namespace {

constexpr unsigned kIndexBits = 14;
constexpr unsigned kHashBits = 64 - kIndexBits;  // left for the run of zeros
constexpr uint64_t kHashSeed = 0xadc83b19;
constexpr size_t kEncodingAt = 4, kCountAt = 8;
constexpr char kDense = 0, kSparse = 1;
constexpr unsigned kMostSparseValue = 32;
constexpr uint32_t kMostZeros = 64, kMostValues = 4;  // in an opcode of one byte

// MurmurHash64A, by Austin Appleby (public domain).
uint64_t hash_of(std::string_view bytes) {
  constexpr uint64_t kMultiplier = 0xc6a4a7935bd1e995;
  constexpr unsigned kShift = 47;
  uint64_t hash = kHashSeed ^ (bytes.size() * kMultiplier);
  const char* at = bytes.data();
  size_t left = bytes.size();
  for (; left >= 8; left -= 8, at += 8) {
    uint64_t word;
    std::memcpy(&word, at, 8);
    word *= kMultiplier;
    word ^= word >> kShift;
    word *= kMultiplier;
    hash = (hash ^ word) * kMultiplier;
  }
  if (left > 0) {
    uint64_t word = 0;
    std::memcpy(&word, at, left);
    hash = (hash ^ word) * kMultiplier;
  }
  hash ^= hash >> kShift;
  hash *= kMultiplier;
  return hash ^ (hash >> kShift);
}
static_assert(std::endian::native == std::endian::little);

// --- Dense registers ---

uint8_t dense_register(const char* registers, uint32_t index) {
  const size_t bit = size_t{index} * 6, byte = bit / 8, shift = bit % 8;
  const auto low = static_cast<uint8_t>(registers[byte]);
  // The last register ends with the last byte: nothing lies behind it.
  const auto high = shift > 2 ? static_cast<uint8_t>(registers[byte + 1]) : uint8_t{0};
  return static_cast<uint8_t>((low >> shift | high << (8 - shift)) & 63);
}

void set_dense_register(char* registers, uint32_t index, uint8_t value) {
  const size_t bit = size_t{index} * 6, byte = bit / 8, shift = bit % 8;
  const auto put = [&](size_t at, unsigned mask, unsigned bits) {
    registers[at] = static_cast<char>((static_cast<uint8_t>(registers[at]) & ~mask) | (bits & mask));
  };
  put(byte, 63u << shift & 0xff, static_cast<unsigned>(value) << shift);
  if (shift > 2) put(byte + 1, 63u >> (8 - shift), static_cast<unsigned>(value) >> (8 - shift));
}

// --- Sparse runs ---

struct Run {
  uint8_t value;    // 0: zeros
  uint32_t length;  // registers
  uint8_t bytes;
};

// Reads the run at `at`; a long one that is cut off at the end has length 0.
Run run_at(std::string_view sketch, size_t at) {
  const auto byte = static_cast<uint8_t>(sketch[at]);
  if ((byte & 0x80) != 0) return {static_cast<uint8_t>((byte >> 2 & 31) + 1), (byte & 3u) + 1, 1};
  if ((byte & 0x40) == 0) return {0, (byte & 63u) + 1, 1};
  if (at + 1 >= sketch.size()) return {0, 0, 1};
  return {0, ((byte & 63u) << 8 | static_cast<uint8_t>(sketch[at + 1])) + 1, 2};
}

char value_run(uint8_t value, uint32_t length) {
  return static_cast<char>(0x80 | (value - 1) << 2 | static_cast<int>(length - 1));
}

void append_zeros(std::string& runs, uint32_t length) {
  if (length == 0) return;
  if (length > kMostZeros) {
    runs += static_cast<char>(0x40 | (length - 1) >> 8);
    runs += static_cast<char>(length - 1);
  } else {
    runs += static_cast<char>(length - 1);
  }
}

// Calls visit(value, length) for each run. False: they do not add up to all registers.
template <class Visit>
bool for_each_run(std::string_view sketch, Visit&& visit) {
  size_t registers = 0;
  for (size_t at = kHeaderBytes; at < sketch.size();) {
    const Run run = run_at(sketch, at);
    if (run.length == 0 || registers + run.length > kRegisters) return false;
    visit(run.value, run.length);
    registers += run.length;
    at += run.bytes;
  }
  return registers == kRegisters;
}

// The run that holds a register.
struct Place {
  size_t at = 0;                   // 0: none
  size_t previous = kHeaderBytes;  // the run before it, if there is one
  uint32_t first = 0;              // its first register
  Run run{};
};

Place find_run(std::string_view sketch, uint32_t index) {
  Place place;
  uint32_t first = 0;
  size_t previous = kHeaderBytes;
  for (size_t at = kHeaderBytes; at < sketch.size();) {
    const Run run = run_at(sketch, at);
    if (run.length == 0) break;
    if (index < first + run.length) return {at, previous, first, run};
    previous = at;
    first += run.length;
    at += run.bytes;
  }
  return place;
}

// Joins runs of equal values where they fit into one, from `at` on: as far as Redis looks.
void join_runs(std::string& sketch, size_t at) {
  for (int looked = 0; looked < 5 && at < sketch.size(); ++looked) {
    const Run run = run_at(sketch, at);
    if (run.value > 0 && at + 1 < sketch.size()) {
      const Run next = run_at(sketch, at + 1);
      if (next.value == run.value && run.length + next.length <= kMostValues) {
        sketch[at + 1] = value_run(run.value, run.length + next.length);
        sketch.erase(at, 1);
        continue;  // perhaps with the one behind as well
      }
    }
    at += run.bytes;
  }
}

Raised raise_dense(std::string& sketch, Rank rank) {
  char* registers = sketch.data() + kHeaderBytes;
  if (dense_register(registers, rank.index) >= rank.value) return Raised::no;
  set_dense_register(registers, rank.index, rank.value);
  mark_stale(sketch);
  return Raised::yes;
}

Raised raise_sparse(std::string& sketch, Rank rank, uint64_t sparse_bytes) {
  const Place place = find_run(sketch, rank.index);
  if (place.at == 0) return Raised::corrupt;
  const Run& run = place.run;
  if (run.value >= rank.value) return Raised::no;
  const auto promote = [&] { return make_dense(sketch) ? raise_dense(sketch, rank) : Raised::corrupt; };
  if (rank.value > kMostSparseValue) return promote();
  if (run.length == 1 && run.bytes == 1) {
    sketch[place.at] = value_run(rank.value, 1);
  } else {
    const uint32_t before = rank.index - place.first, after = run.length - before - 1;
    std::string split;
    const auto rest = [&](uint32_t length) {
      if (run.value == 0) {
        append_zeros(split, length);
      } else if (length > 0) {
        split += value_run(run.value, length);
      }
    };
    rest(before);
    split += value_run(rank.value, 1);
    rest(after);
    if (split.size() > run.bytes && sketch.size() + split.size() - run.bytes > sparse_bytes) return promote();
    sketch.replace(place.at, run.bytes, split);
  }
  join_runs(sketch, place.previous);
  mark_stale(sketch);
  return Raised::yes;
}

// --- The estimate (Ertl, algorithms 5 and 6) ---

using Histogram = std::array<uint32_t, 64>;

double sigma(double x) {
  if (x == 1.0) return std::numeric_limits<double>::infinity();
  double y = 1, z = x, before;
  do {
    x *= x;
    before = z;
    z += x * y;
    y += y;
  } while (before != z);
  return z;
}

double tau(double x) {
  if (x == 0.0 || x == 1.0) return 0.0;
  double y = 1.0, z = 1 - x, before;
  do {
    x = std::sqrt(x);
    before = z;
    y *= 0.5;
    z -= std::pow(1 - x, 2) * y;
  } while (before != z);
  return z / 3;
}

uint64_t estimate(const Histogram& histogram) {
  constexpr double kAlpha = 0.721347520444481703680;  // 1 / (2 ln 2)
  constexpr auto m = static_cast<double>(kRegisters);
  double z = m * tau((m - histogram[kHashBits + 1]) / m);
  for (unsigned value = kHashBits; value >= 1; --value) {
    z += histogram[value];
    z *= 0.5;
  }
  z += m * sigma(histogram[0] / m);
  return static_cast<uint64_t>(std::llroundl(kAlpha * m * m / z));
}

}  // namespace

Rank rank_of(std::string_view element) {
  const uint64_t hash = hash_of(element);
  // A one behind the last bit ends the run of zeros at the latest.
  const uint64_t rest = hash >> kIndexBits | uint64_t{1} << kHashBits;
  return {static_cast<uint32_t>(hash & (kRegisters - 1)), static_cast<uint8_t>(std::countr_zero(rest) + 1)};
}

bool is_valid(std::string_view sketch) {
  if (sketch.size() < kHeaderBytes || !sketch.starts_with("HYLL")) return false;
  const char encoding = sketch[kEncodingAt];
  return encoding == kSparse || (encoding == kDense && sketch.size() == kDenseBytes);
}

bool is_sparse(std::string_view sketch) { return sketch[kEncodingAt] == kSparse; }

std::string empty_sketch() {
  std::string sketch(kHeaderBytes, '\0');
  sketch.replace(0, 4, "HYLL");
  sketch[kEncodingAt] = kSparse;
  append_zeros(sketch, kRegisters);
  return sketch;
}

Raised would_raise(std::string_view sketch, Rank rank) {
  if (!is_sparse(sketch)) {
    return dense_register(sketch.data() + kHeaderBytes, rank.index) < rank.value ? Raised::yes : Raised::no;
  }
  const Place place = find_run(sketch, rank.index);
  if (place.at == 0) return Raised::corrupt;
  return place.run.value < rank.value ? Raised::yes : Raised::no;
}

Raised raise(std::string& sketch, Rank rank, uint64_t sparse_bytes) {
  return is_sparse(sketch) ? raise_sparse(sketch, rank, sparse_bytes) : raise_dense(sketch, rank);
}

std::optional<uint64_t> cached_count(std::string_view sketch) {
  uint64_t count;
  std::memcpy(&count, sketch.data() + kCountAt, sizeof count);
  if (count >> 63 != 0) return std::nullopt;
  return count;
}

void cache_count(std::string& sketch, uint64_t count) { std::memcpy(sketch.data() + kCountAt, &count, sizeof count); }

void mark_stale(std::string& sketch) {
  char& last = sketch[kCountAt + 7];
  last = static_cast<char>(static_cast<uint8_t>(last) | 0x80);
}

std::optional<uint64_t> count(std::string_view sketch) {
  Histogram histogram{};
  if (is_sparse(sketch)) {
    if (!for_each_run(sketch, [&](uint8_t value, uint32_t length) { histogram[value] += length; })) return std::nullopt;
  } else {
    for (uint32_t i = 0; i < kRegisters; ++i) ++histogram[dense_register(sketch.data() + kHeaderBytes, i)];
  }
  return estimate(histogram);
}

uint64_t count(const Registers& registers) {
  Histogram histogram{};
  for (const uint8_t value : registers) ++histogram[value & 63];
  return estimate(histogram);
}

bool merge_into(Registers& registers, std::string_view sketch) {
  if (is_sparse(sketch)) {
    uint8_t* at = registers.data();
    return for_each_run(sketch, [&](uint8_t value, uint32_t length) {
      for (uint8_t* const end = at + length; at != end; ++at) *at = std::max(*at, value);
    });
  }
  for (uint32_t i = 0; i < kRegisters; ++i) {
    registers[i] = std::max(registers[i], dense_register(sketch.data() + kHeaderBytes, i));
  }
  return true;
}

bool make_dense(std::string& sketch) {
  if (!is_sparse(sketch)) return true;
  std::string dense(kDenseBytes, '\0');
  dense.replace(0, kHeaderBytes, sketch, 0, kHeaderBytes);
  dense[kEncodingAt] = kDense;
  uint32_t index = 0;
  const bool sound = for_each_run(sketch, [&](uint8_t value, uint32_t length) {
    for (uint32_t i = 0; value > 0 && i < length; ++i)
      set_dense_register(dense.data() + kHeaderBytes, index + i, value);
    index += length;
  });
  if (sound) sketch = std::move(dense);
  return sound;
}

std::optional<std::string> describe_runs(std::string_view sketch) {
  std::string text;
  for (size_t at = kHeaderBytes; at < sketch.size();) {
    const Run run = run_at(sketch, at);
    if (run.length == 0) return std::nullopt;
    if (!text.empty()) text += ' ';
    if (run.value > 0) {
      text += fmt::format("v:{},{}", run.value, run.length);
    } else {
      text += fmt::format("{}:{}", run.bytes == 2 ? 'Z' : 'z', run.length);
    }
    at += run.bytes;
  }
  return text;
}

// --- PFSELFTEST ---

namespace {

// Registers keep what is written to them, and do not touch each other.
std::optional<std::string> test_registers() {
  std::string dense = empty_sketch();
  if (!make_dense(dense)) return "TESTFAILED an empty sketch does not become dense";
  Registers expected{};
  uint64_t state = 1;
  for (int round = 0; round < 10; ++round) {
    for (uint32_t i = 0; i < kRegisters; ++i) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      expected[i] = static_cast<uint8_t>(state >> 58);
      set_dense_register(dense.data() + kHeaderBytes, i, expected[i]);
    }
    for (uint32_t i = 0; i < kRegisters; ++i) {
      const uint8_t found = dense_register(dense.data() + kHeaderBytes, i);
      if (found != expected[i]) {
        return fmt::format("TESTFAILED Register {} should be {} but is {}", i, expected[i], found);
      }
    }
  }
  return std::nullopt;
}

// Sparse and dense sketches of the same elements agree, and are about right.
std::optional<std::string> test_estimates() {
  constexpr uint64_t kMost = 1'000'000, kSparseBytes = 3000;
  const double error = 1.04 / std::sqrt(static_cast<double>(kRegisters));
  std::string sparse = empty_sketch(), dense = empty_sketch();
  if (!make_dense(dense)) return "TESTFAILED an empty sketch does not become dense";
  uint64_t checkpoint = 1;
  for (uint64_t i = 1; i <= kMost; ++i) {
    const uint64_t element = i * 0x9e3779b97f4a7c15;
    const Rank rank = rank_of({reinterpret_cast<const char*>(&element), sizeof element});
    raise(dense, rank, kSparseBytes);
    raise(sparse, rank, kSparseBytes);
    if (i != checkpoint) continue;
    checkpoint *= 10;
    if (i < 100 && !is_sparse(sparse)) return "TESTFAILED sparse encoding not used";
    const auto one = count(dense), other = count(sparse);
    if (!one || !other || *one != *other) return "TESTFAILED dense/sparse disagree";
    const uint64_t off = *one > i ? *one - i : i - *one;
    // Six standard errors; small sketches may be off by their collisions.
    const auto most = static_cast<uint64_t>(std::ceil(error * 6 * static_cast<double>(i))) + (i <= 10 ? 1 : 0);
    if (off > most) return fmt::format("TESTFAILED Too big error. card:{} abserr:{}", i, off);
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> self_test() {
  if (auto wrong = test_registers()) return wrong;
  return test_estimates();
}

}  // namespace holdfast::node::hyperloglog
