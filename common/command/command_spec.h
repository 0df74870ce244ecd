// What a command is: one constexpr row each, from which dispatch, arity errors, COMMAND and its subcommands, ACL
// categories, key extraction and docs/commands.md are made. Source: Redis's documentation of COMMAND and COMMAND DOCS.
//
// To add a command: a handler, a row, a test. Rows are constants and safe from any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace holdfast::command {

enum Flag : uint32_t {
  kWrite = 1u << 0,
  kReadonly = 1u << 1,
  kDenyOom = 1u << 2,
  kAdmin = 1u << 3,
  kPubsub = 1u << 4,
  kNoScript = 1u << 5,
  kBlocking = 1u << 6,
  kLoading = 1u << 7,       // allowed while the data set is loading
  kStale = 1u << 8,         // allowed on a replica whose link is down and that serves no stale data
  kSkipMonitor = 1u << 9,
  kSkipSlowlog = 1u << 10,
  kFast = 1u << 11,
  kNoAuth = 1u << 12,       // allowed before authentication
  kMayReplicate = 1u << 13,  // internal: held by CLIENT PAUSE WRITE though it is no write
  kNoMulti = 1u << 14,      // refused inside MULTI
  kMovableKeys = 1u << 15,
  kAllowBusy = 1u << 16,
  kNoAsyncLoading = 1u << 17,
  kNoMandatoryKeys = 1u << 18,
  kProtected = 1u << 19,    // internal: gated by an enable-* option
  kArbitraryKeys = 1u << 20,  // internal: meets keys that it was not given; those it finds expired go one by one
};

enum Category : uint32_t {  // ACL categories that do not follow from the flags
  kKeyspace = 1u << 0,
  kString = 1u << 1,
  kConnection = 1u << 2,
  kTransaction = 1u << 3,
  kDangerous = 1u << 4,
  kBitmap = 1u << 5,
  kReadCategory = 1u << 6,  // @read without the readonly flag
  kList = 1u << 7,
  kSet = 1u << 8,
  kSortedSet = 1u << 9,
  kHash = 1u << 10,
  kStream = 1u << 11,
  kGeo = 1u << 12,
  kHyperLogLog = 1u << 13,
  kScripting = 1u << 14,
  kWriteCategory = 1u << 15,
  kAdminCategory = 1u << 16,  // @admin without the admin flag
};

enum KeyFlag : uint16_t {
  kKeyRO = 1u << 0,
  kKeyRW = 1u << 1,
  kKeyOW = 1u << 2,
  kKeyRM = 1u << 3,
  kKeyAccess = 1u << 4,
  kKeyUpdate = 1u << 5,
  kKeyInsert = 1u << 6,
  kKeyDelete = 1u << 7,
  kKeyNotKey = 1u << 8,
  kKeyVariableFlags = 1u << 9,
  kKeyIncomplete = 1u << 10,
};

struct KeyRange {
  int first = 0;  // position of the first key (the command's name is 0); 0: no keys
  int last = 0;   // position of the last; negative counts from the end (-1 is the last argument)
  int step = 0;
  uint16_t flags = 0;  // KeyFlag
  // The keys follow this word, looked for from the argument `first` on (negative: backwards from the end). Such a range
  // is only shown: a KeyFinder finds the keys.
  std::string_view keyword = {};
  // How the keys lie: in a range; behind argument `first`, which says how many there are; or where only the command
  // itself knows (such a range is shown as unknown, and a KeyFinder finds the keys).
  enum class Find : uint8_t { range, counted, unknown };
  Find find = Find::range;
  int limit = 0;                // with last -1: keys end at the 1/limit of what is left (XREAD's 2)
  std::string_view notes = {};  // as COMMAND INFO shows them
};

// Positions of the keys in a request, for commands whose keys no range describes.
using KeyFinder = std::vector<int> (*)(std::span<const std::string_view> args);
// KeyFlag of a request's keys, where its arguments decide what is done with them.
using KeyFlagsOf = uint16_t (*)(std::span<const std::string_view> args);

struct CommandSpec {
  std::string_view name;  // lower case; of a subcommand, its own name only
  int arity = 0;          // with the name; negative: at least that many. A subcommand's counts its container too
  uint32_t flags = 0;
  KeyRange keys = {};
  uint32_t categories = 0;
  std::string_view group = {};  // as COMMAND DOCS has it: "string", "generic", "server", "connection" ...
  std::string_view since = {};
  std::string_view complexity = {};
  std::string_view summary = {};
  KeyFinder find_keys = nullptr;
  KeyRange keys2 = {};          // a second key range, where there is one
  std::string_view tips = {};   // COMMAND INFO's tips, separated by spaces
  KeyFlagsOf flags_of = nullptr;      // of the first range, where that has kKeyVariableFlags
  int element = 0;                  // position of the first element of the value that is looked up by name; 0: none
  bool ordered = false;             // that element's place in the value's order is looked up as well
  std::string_view key_notes = {};    // about the first range
  KeyRange keys3 = {};                // a third range, where there is one

  bool has(uint32_t flag) const { return (flags & flag) != 0; }
  bool arity_fits(size_t count) const {
    return arity >= 0 ? count == static_cast<size_t>(arity) : count >= static_cast<size_t>(-arity);
  }
};

// A row: what the command is and what carries it out. A container (CONFIG, CLIENT) has subcommands and may lack a handler.
template <class Context>
struct CommandRow {
  CommandSpec spec;
  void (*handler)(Context&) = nullptr;
  std::span<const CommandRow> subcommands = {};
};

// Flag and category names in the order COMMAND gives them.
std::vector<std::string_view> flag_names(const CommandSpec& spec);
std::vector<std::string_view> category_names(const CommandSpec& spec);  // with '@'
std::vector<std::string_view> key_flag_names(uint16_t flags);

// Positions of all keys of a request that fits the arity; empty where the command has none.
std::vector<int> key_positions(const CommandSpec& spec, std::span<const std::string_view> args);
// KeyFlag of the key at one of these positions; `later`: it is not the first of them.
uint16_t flags_of_key(const CommandSpec& spec, std::span<const std::string_view> request, int at, bool later);

}  // namespace holdfast::command
