// Rows of the stream commands. Descriptions: Redis 7.0's documentation (COMMAND DOCS).
#include "common/base/text.h"
#include "node/commands/handlers.h"
#include "node/commands/rows.h"

namespace holdfast::node {
namespace {

using namespace command;  // the flags

// XREAD and XREADGROUP: the first half of what follows STREAMS.
std::vector<int> stream_keys(std::span<const std::string_view> args) {
  for (size_t i = 1; i < args.size(); ++i) {
    if (iequals(args[i], "BLOCK") || iequals(args[i], "COUNT")) {
      ++i;
    } else if (iequals(args[i], "GROUP")) {
      i += 2;
    } else if (iequals(args[i], "STREAMS")) {
      const size_t words = args.size() - i - 1;
      std::vector<int> keys;
      if (words % 2 != 0) return keys;
      for (size_t k = 0; k < words / 2; ++k) keys.push_back(static_cast<int>(i + 1 + k));
      return keys;
    } else if (!iequals(args[i], "NOACK")) {
      break;
    }
  }
  return {};
}

constexpr CommandRow kXgroupRows[] = {
    {{.name = "create",
      .arity = -5,
      .flags = kWrite | kDenyOom,
      .keys = {2, 2, 1, kKeyRW | kKeyInsert},
      .categories = kStream,
      .group = "stream",
      .since = "5.0.0",
      .complexity = "O(1)",
      .summary = "Create a consumer group."},
     handlers::xgroup_create},
    {{.name = "createconsumer",
      .arity = 5,
      .flags = kWrite | kDenyOom,
      .keys = {2, 2, 1, kKeyRW | kKeyInsert},
      .categories = kStream,
      .group = "stream",
      .since = "6.2.0",
      .complexity = "O(1)",
      .summary = "Create a consumer in a consumer group."},
     handlers::xgroup_createconsumer},
    {{.name = "delconsumer",
      .arity = 5,
      .flags = kWrite,
      .keys = {2, 2, 1, kKeyRW | kKeyDelete},
      .categories = kStream,
      .group = "stream",
      .since = "5.0.0",
      .complexity = "O(1)",
      .summary = "Delete a consumer from a consumer group."},
     handlers::xgroup_delconsumer},
    {{.name = "destroy",
      .arity = 4,
      .flags = kWrite,
      .keys = {2, 2, 1, kKeyRW | kKeyDelete},
      .categories = kStream,
      .group = "stream",
      .since = "5.0.0",
      .complexity = "O(N) where N is the number of entries in the group's pending entries list (PEL).",
      .summary = "Destroy a consumer group."},
     handlers::xgroup_destroy},
    {{.name = "help",
      .arity = 2,
      .flags = kLoading | kStale,
      .categories = kStream,
      .group = "stream",
      .since = "5.0.0",
      .complexity = "O(1)",
      .summary = "Show helpful text about the different subcommands"},
     handlers::xgroup_help},
    {{.name = "setid",
      .arity = -5,
      .flags = kWrite,
      .keys = {2, 2, 1, kKeyRW | kKeyUpdate},
      .categories = kStream,
      .group = "stream",
      .since = "5.0.0",
      .complexity = "O(1)",
      .summary = "Set a consumer group to an arbitrary last delivered ID value."},
     handlers::xgroup_setid},
};

constexpr CommandRow kXinfoRows[] = {
    {{.name = "consumers",
      .arity = 4,
      .flags = kReadonly,
      .keys = {2, 2, 1, kKeyRO | kKeyAccess},
      .categories = kStream,
      .group = "stream",
      .since = "5.0.0",
      .complexity = "O(1)",
      .summary = "List the consumers in a consumer group",
      .tips = "nondeterministic_output"},
     handlers::xinfo_consumers},
    {{.name = "groups",
      .arity = 3,
      .flags = kReadonly,
      .keys = {2, 2, 1, kKeyRO | kKeyAccess},
      .categories = kStream,
      .group = "stream",
      .since = "5.0.0",
      .complexity = "O(1)",
      .summary = "List the consumer groups of a stream"},
     handlers::xinfo_groups},
    {{.name = "help",
      .arity = 2,
      .flags = kLoading | kStale,
      .categories = kStream,
      .group = "stream",
      .since = "5.0.0",
      .complexity = "O(1)",
      .summary = "Show helpful text about the different subcommands"},
     handlers::xinfo_help},
    {{.name = "stream",
      .arity = -3,
      .flags = kReadonly,
      .keys = {2, 2, 1, kKeyRO | kKeyAccess},
      .categories = kStream,
      .group = "stream",
      .since = "5.0.0",
      .complexity = "O(1)",
      .summary = "Get information about a stream"},
     handlers::xinfo_stream},
};

constexpr CommandRow kStreamRows[] = {
    {{.name = "xack",
      .arity = -4,
      .flags = kWrite | kFast,
      .keys = {1, 1, 1, kKeyRW | kKeyUpdate},
      .categories = kStream,
      .group = "stream",
      .since = "5.0.0",
      .complexity = "O(1) for each message ID processed.",
      .summary = "Marks a pending message as correctly processed, effectively removing it from the pending entries "
                 "list of the consumer group. Return value of the command is the number of messages successfully "
                 "acknowledged, that is, the IDs we were actually able to resolve in the PEL."},
     handlers::xack},
    {{.name = "xadd",
      .arity = -5,
      .flags = kWrite | kDenyOom | kFast,
      .keys = {1, 1, 1, kKeyRW | kKeyUpdate},
      .categories = kStream,
      .group = "stream",
      .since = "5.0.0",
      .complexity = "O(1) when adding a new entry, O(N) when trimming where N being the number of entries evicted.",
      .summary = "Appends a new entry to a stream",
      .tips = "nondeterministic_output",
      .key_notes = "UPDATE instead of INSERT because of the optional trimming feature"},
     handlers::xadd},
    {{.name = "xautoclaim",
      .arity = -6,
      .flags = kWrite | kFast,
      .keys = {1, 1, 1, kKeyRW | kKeyDelete},
      .categories = kStream,
      .group = "stream",
      .since = "6.2.0",
      .complexity = "O(1) if COUNT is small.",
      .summary = "Changes (or acquires) ownership of messages in a consumer group, as if the messages were delivered "
                 "to the specified consumer.",
      .tips = "nondeterministic_output"},
     handlers::xautoclaim},
    {{.name = "xclaim",
      .arity = -6,
      .flags = kWrite | kFast,
      .keys = {1, 1, 1, kKeyRW | kKeyUpdate},
      .categories = kStream,
      .group = "stream",
      .since = "5.0.0",
      .complexity = "O(log N) with N being the number of messages in the PEL of the consumer group.",
      .summary = "Changes (or acquires) ownership of a message in a consumer group, as if the message was delivered to "
                 "the specified consumer.",
      .tips = "nondeterministic_output"},
     handlers::xclaim},
    {{.name = "xdel",
      .arity = -3,
      .flags = kWrite | kFast,
      .keys = {1, 1, 1, kKeyRW | kKeyDelete},
      .categories = kStream,
      .group = "stream",
      .since = "5.0.0",
      .complexity = "O(1) for each single item to delete in the stream, regardless of the stream size.",
      .summary = "Removes the specified entries from the stream. Returns the number of items actually deleted, that "
                 "may be different from the number of IDs passed in case certain IDs do not exist."},
     handlers::xdel},
    {{.name = "xgroup",
      .arity = -2,
      .group = "stream",
      .since = "5.0.0",
      .complexity = "Depends on subcommand.",
      .summary = "A container for consumer groups commands"},
     nullptr,
     kXgroupRows},
    {{.name = "xinfo",
      .arity = -2,
      .group = "stream",
      .since = "5.0.0",
      .complexity = "Depends on subcommand.",
      .summary = "A container for stream introspection commands"},
     nullptr,
     kXinfoRows},
    {{.name = "xlen",
      .arity = 2,
      .flags = kReadonly | kFast,
      .keys = {1, 1, 1, kKeyRO},
      .categories = kStream,
      .group = "stream",
      .since = "5.0.0",
      .complexity = "O(1)",
      .summary = "Return the number of entries in a stream"},
     handlers::xlen},
    {{.name = "xpending",
      .arity = -3,
      .flags = kReadonly,
      .keys = {1, 1, 1, kKeyRO | kKeyAccess},
      .categories = kStream,
      .group = "stream",
      .since = "5.0.0",
      .complexity = "O(N) with N being the number of elements returned, so asking for a small fixed number of entries "
                    "per call is O(1). O(M), where M is the total number of entries scanned when used with the IDLE "
                    "filter. When the command returns just the summary and the list of consumers is small, it runs in "
                    "O(1) time; otherwise, an additional O(N) time for iterating every consumer.",
      .summary = "Return information and entries from a stream consumer group pending entries list, that are messages "
                 "fetched but never acknowledged.",
      .tips = "nondeterministic_output"},
     handlers::xpending},
    {{.name = "xrange",
      .arity = -4,
      .flags = kReadonly,
      .keys = {1, 1, 1, kKeyRO | kKeyAccess},
      .categories = kStream,
      .group = "stream",
      .since = "5.0.0",
      .complexity = "O(N) with N being the number of elements being returned. If N is constant (e.g. always asking for "
                    "the first 10 elements with COUNT), you can consider it O(1).",
      .summary = "Return a range of elements in a stream, with IDs matching the specified IDs interval"},
     handlers::xrange},
    {{.name = "xread",
      .arity = -4,
      .flags = kReadonly | kBlocking | kMovableKeys,
      .keys = {.first = 1, .last = -1, .step = 1, .flags = kKeyRO | kKeyAccess, .keyword = "STREAMS", .limit = 2},
      .categories = kStream,
      .group = "stream",
      .since = "5.0.0",
      .complexity = "For each stream mentioned: O(N) with N being the number of elements being returned, it means that "
                    "XREAD-ing with a fixed COUNT is O(1). Note that when the BLOCK option is used, XADD will pay O(M) "
                    "time in order to serve the M clients blocked on the stream getting new data.",
      .summary = "Return never seen elements in multiple streams, with IDs greater than the ones reported by the "
                 "caller for each stream. Can block.",
      .find_keys = stream_keys},
     handlers::xread},
    {{.name = "xreadgroup",
      .arity = -7,
      .flags = kWrite | kBlocking | kMovableKeys,
      .keys = {.first = 4, .last = -1, .step = 1, .flags = kKeyRO | kKeyAccess, .keyword = "STREAMS", .limit = 2},
      .categories = kStream,
      .group = "stream",
      .since = "5.0.0",
      .complexity =
          "For each stream mentioned: O(M) with M being the number of elements returned. If M is constant (e.g. always "
          "asking for the first 10 elements with COUNT), you can consider it O(1). On the other side when XREADGROUP "
          "blocks, XADD will pay the O(N) time in order to serve the N clients blocked on the stream getting new data.",
      .summary = "Return new entries from a stream using a consumer group, or access the history of the pending "
                 "entries for a given consumer. Can block.",
      .find_keys = stream_keys},
     handlers::xreadgroup},
    {{.name = "xrevrange",
      .arity = -4,
      .flags = kReadonly,
      .keys = {1, 1, 1, kKeyRO | kKeyAccess},
      .categories = kStream,
      .group = "stream",
      .since = "5.0.0",
      .complexity = "O(N) with N being the number of elements returned. If N is constant (e.g. always asking for the "
                    "first 10 elements with COUNT), you can consider it O(1).",
      .summary = "Return a range of elements in a stream, with IDs matching the specified IDs interval, in reverse "
                 "order (from greater to smaller IDs) compared to XRANGE"},
     handlers::xrevrange},
    {{.name = "xsetid",
      .arity = -3,
      .flags = kWrite | kDenyOom | kFast,
      .keys = {1, 1, 1, kKeyRW | kKeyUpdate},
      .categories = kStream,
      .group = "stream",
      .since = "5.0.0",
      .complexity = "O(1)",
      .summary = "An internal command for replicating stream values"},
     handlers::xsetid},
    {{.name = "xtrim",
      .arity = -4,
      .flags = kWrite,
      .keys = {1, 1, 1, kKeyRW | kKeyDelete},
      .categories = kStream,
      .group = "stream",
      .since = "5.0.0",
      .complexity =
          "O(N), with N being the number of evicted entries. Constant times are very small however, since entries are "
          "organized in macro nodes containing multiple entries that can be released with a single deallocation.",
      .summary = "Trims the stream to (approximately if '~' is passed) a certain size",
      .tips = "nondeterministic_output"},
     handlers::xtrim},
};

}  // namespace

void add_stream_rows(CommandTable& table) { table.add(kStreamRows); }

}  // namespace holdfast::node
