// Rows of the bitmap commands. Descriptions: Redis 7.0's documentation (COMMAND DOCS).
#include "common/base/text.h"
#include "node/commands/handlers.h"
#include "node/commands/rows.h"

namespace holdfast::node {
namespace {

using namespace command;  // the flags

// BITFIELD only reads when it has no SET and no INCRBY.
uint16_t bitfield_key_flags(std::span<const std::string_view> args) {
  for (const std::string_view word : args.subspan(2)) {
    if (iequals(word, "SET") || iequals(word, "INCRBY")) return kKeyRW | kKeyAccess | kKeyUpdate;
  }
  return kKeyRO | kKeyAccess;
}

constexpr CommandRow kBitmapRows[] = {
    {{.name = "bitcount",
      .arity = -2,
      .flags = kReadonly,
      .keys = {1, 1, 1, kKeyRO | kKeyAccess},
      .categories = kBitmap,
      .group = "bitmap",
      .since = "2.6.0",
      .complexity = "O(N)",
      .summary = "Count set bits in a string"},
     handlers::bitcount},
    {{.name = "bitfield",
      .arity = -2,
      .flags = kWrite | kDenyOom,
      .keys = {1, 1, 1, kKeyRW | kKeyAccess | kKeyUpdate | kKeyVariableFlags},
      .categories = kBitmap,
      .group = "bitmap",
      .since = "3.2.0",
      .complexity = "O(1) for each subcommand specified",
      .summary = "Perform arbitrary bitfield integer operations on strings",
      .flags_of = bitfield_key_flags,
      .key_notes = "This command allows both access and modification of the key"},
     handlers::bitfield},
    {{.name = "bitfield_ro",
      .arity = -2,
      .flags = kReadonly | kFast,
      .keys = {1, 1, 1, kKeyRO | kKeyAccess},
      .categories = kBitmap,
      .group = "bitmap",
      .since = "6.0.0",
      .complexity = "O(1) for each subcommand specified",
      .summary = "Perform arbitrary bitfield integer operations on strings. Read-only variant of BITFIELD"},
     handlers::bitfield_ro},
    {{.name = "bitop",
      .arity = -4,
      .flags = kWrite | kDenyOom,
      .keys = {2, 2, 1, kKeyOW | kKeyUpdate},
      .categories = kBitmap,
      .group = "bitmap",
      .since = "2.6.0",
      .complexity = "O(N)",
      .summary = "Perform bitwise operations between strings",
      .keys2 = {3, -1, 1, kKeyRO | kKeyAccess}},
     handlers::bitop},
    {{.name = "bitpos",
      .arity = -3,
      .flags = kReadonly,
      .keys = {1, 1, 1, kKeyRO | kKeyAccess},
      .categories = kBitmap,
      .group = "bitmap",
      .since = "2.8.7",
      .complexity = "O(N)",
      .summary = "Find first bit set or clear in a string"},
     handlers::bitpos},
    {{.name = "getbit",
      .arity = 3,
      .flags = kReadonly | kFast,
      .keys = {1, 1, 1, kKeyRO | kKeyAccess},
      .categories = kBitmap,
      .group = "bitmap",
      .since = "2.2.0",
      .complexity = "O(1)",
      .summary = "Returns the bit value at offset in the string value stored at key"},
     handlers::getbit},
    {{.name = "setbit",
      .arity = 4,
      .flags = kWrite | kDenyOom,
      .keys = {1, 1, 1, kKeyRW | kKeyAccess | kKeyUpdate},
      .categories = kBitmap,
      .group = "bitmap",
      .since = "2.2.0",
      .complexity = "O(1)",
      .summary = "Sets or clears the bit at offset in the string value stored at key"},
     handlers::setbit},
};

}  // namespace

void add_bitmap_rows(CommandTable& table) { table.add(kBitmapRows); }

}  // namespace holdfast::node
