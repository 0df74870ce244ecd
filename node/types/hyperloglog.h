// HyperLogLog sketches: about how many different elements were added, in 12 KB at most. Pure, on strings in the very
// format that Redis keeps them in, byte by byte:
//
//   "HYLL" | encoding (0 dense, 1 sparse) | 3 bytes unused | cached cardinality (8, little endian; top bit: stale) |
//   registers dense: 16384 registers of 6 bits, least significant bits first sparse: runs. 00llllll: l+1 zeros;
//   01llllll llllllll: l+1 zeros; 1vvvvvll: l+1 registers of value v+1
//
// Source: the description of the representation that Redis publishes, and "New cardinality estimation algorithms for
// HyperLogLog sketches" (Otmar Ertl, arXiv:1702.01284) for the estimate. An element's hash is MurmurHash64A.
// Errors: a string from outside goes through is_valid() first, which looks at the header; sparse runs that do not add
// up are found where they are read, and said to be corrupt. Not thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast::node::hyperloglog {

inline constexpr size_t kRegisters = 16384;
inline constexpr size_t kHeaderBytes = 16;
inline constexpr size_t kDenseBytes = kHeaderBytes + kRegisters * 6 / 8;
using Registers = std::array<uint8_t, kRegisters>;

// A register and the value that an element asks of it.
struct Rank {
  uint32_t index = 0;
  uint8_t value = 0;
};
Rank rank_of(std::string_view element);

bool is_valid(std::string_view sketch);
bool is_sparse(std::string_view sketch);
std::string empty_sketch();

enum class Raised : uint8_t { no, yes, corrupt };
// Whether raise() would change anything.
Raised would_raise(std::string_view sketch, Rank rank);
// Raises a register to a value, if it is lower. A sparse sketch that would grow beyond `sparse_bytes` becomes dense.
// The cached cardinality is marked stale.
Raised raise(std::string& sketch, Rank rank, uint64_t sparse_bytes);

// The cardinality kept in the header, unless it is stale.
std::optional<uint64_t> cached_count(std::string_view sketch);
void cache_count(std::string& sketch, uint64_t count);
void mark_stale(std::string& sketch);

// Nothing (false) from here on: corrupt.
std::optional<uint64_t> count(std::string_view sketch);
uint64_t count(const Registers& registers);
// Raises each of `registers` to what the sketch has.
bool merge_into(Registers& registers, std::string_view sketch);
bool make_dense(std::string& sketch);
// The runs of a sparse sketch in words: "Z:16383 v:1,1".
std::optional<std::string> describe_runs(std::string_view sketch);

// PFSELFTEST: what is wrong, if anything.
std::optional<std::string> self_test();

}  // namespace holdfast::node::hyperloglog
