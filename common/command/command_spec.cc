#include "common/command/command_spec.h"

#include <array>
#include <utility>

#include "common/base/text.h"

namespace holdfast::command {

namespace {

using Name = std::pair<uint32_t, std::string_view>;

constexpr std::array kFlagNames = {
    Name{kWrite, "write"},         Name{kReadonly, "readonly"},        Name{kDenyOom, "denyoom"},
    Name{kAdmin, "admin"},         Name{kPubsub, "pubsub"},            Name{kNoScript, "noscript"},
    Name{kBlocking, "blocking"},   Name{kLoading, "loading"},          Name{kStale, "stale"},
    Name{kSkipMonitor, "skip_monitor"}, Name{kSkipSlowlog, "skip_slowlog"}, Name{kFast, "fast"},
    Name{kNoAuth, "no_auth"},      Name{kNoMandatoryKeys, "no_mandatory_keys"},
    Name{kNoAsyncLoading, "no_async_loading"}, Name{kNoMulti, "no_multi"}, Name{kMovableKeys, "movablekeys"},
    Name{kAllowBusy, "allow_busy"},
};

constexpr std::array kKeyFlagNames = {
    Name{kKeyRO, "RO"},         Name{kKeyRW, "RW"},         Name{kKeyOW, "OW"},         Name{kKeyRM, "RM"},
    Name{kKeyAccess, "access"}, Name{kKeyUpdate, "update"}, Name{kKeyInsert, "insert"}, Name{kKeyDelete, "delete"},
    Name{kKeyNotKey, "not_key"}, Name{kKeyVariableFlags, "variable_flags"}, Name{kKeyIncomplete, "incomplete"},
};

}  // namespace

std::vector<std::string_view> flag_names(const CommandSpec& spec) {
  std::vector<std::string_view> names;
  for (const auto& [bit, name] : kFlagNames) {
    if (spec.flags & bit) names.push_back(name);
  }
  return names;
}

std::vector<std::string_view> key_flag_names(uint16_t flags) {
  std::vector<std::string_view> names;
  for (const auto& [bit, name] : kKeyFlagNames) {
    if (flags & bit) names.push_back(name);
  }
  return names;
}

// Redis derives part of the categories from the flags; the order is that of its category list.
std::vector<std::string_view> category_names(const CommandSpec& spec) {
  const uint32_t c = spec.categories;
  const bool scripting = c & kScripting;
  const std::array<std::pair<bool, std::string_view>, 21> all = {{
      {c & kKeyspace, "@keyspace"},
      {(spec.has(kReadonly) && !scripting) || (c & kReadCategory), "@read"},
      {(spec.has(kWrite) && !scripting) || (c & kWriteCategory), "@write"},
      {c & kSet, "@set"},
      {c & kSortedSet, "@sortedset"},
      {c & kList, "@list"},
      {c & kHash, "@hash"},
      {c & kString, "@string"},
      {c & kBitmap, "@bitmap"},
      {c & kHyperLogLog, "@hyperloglog"},
      {c & kGeo, "@geo"},
      {c & kStream, "@stream"},
      {spec.has(kPubsub), "@pubsub"},
      {spec.has(kAdmin) || (c & kAdminCategory), "@admin"},
      {spec.has(kFast), "@fast"},
      {!spec.has(kFast), "@slow"},
      {spec.has(kBlocking), "@blocking"},
      {spec.has(kAdmin) || (c & kDangerous), "@dangerous"},
      {c & kConnection, "@connection"},
      {c & kTransaction, "@transaction"},
      {scripting, "@scripting"},
  }};
  std::vector<std::string_view> names;
  for (const auto& [present, name] : all) {
    if (present) names.push_back(name);
  }
  return names;
}

std::vector<int> key_positions(const CommandSpec& spec, std::span<const std::string_view> args) {
  if (spec.find_keys != nullptr) return spec.find_keys(args);
  std::vector<int> positions;
  const int count = static_cast<int>(args.size());
  for (const KeyRange& range : {spec.keys, spec.keys2, spec.keys3}) {
    if (range.first <= 0 || !range.keyword.empty() || range.find == KeyRange::Find::unknown) continue;
    if (range.find == KeyRange::Find::counted) {
      if (range.first >= count) return {};
      const auto keys = parse_int64(args[static_cast<size_t>(range.first)]);
      if (!keys || *keys <= 0 || *keys >= count - range.first) return {};
      for (int i = 1; i <= *keys; ++i) positions.push_back(range.first + i);
      continue;
    }
    if (range.step <= 0) continue;
    const int last = range.last < 0 ? count + range.last : range.last;
    for (int at = range.first; at <= last && at < count; at += range.step) positions.push_back(at);
  }
  return positions;
}

uint16_t flags_of_key(const CommandSpec& spec, std::span<const std::string_view> request, int at, bool later) {
  // A key behind the first that no range describes is the one to store in (SORT, GEORADIUS).
  if (later && spec.find_keys != nullptr && spec.keys3.flags != 0) return spec.keys3.flags;
  if (spec.keys2.first > 0 && at >= spec.keys2.first) return spec.keys2.flags;
  return spec.flags_of != nullptr ? spec.flags_of(request) : spec.keys.flags;
}

}  // namespace holdfast::command
