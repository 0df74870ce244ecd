#include "node/commands/scan_options.h"

#include <charconv>
#include <string>
#include <vector>

#include "common/base/text.h"
#include "node/commands/arguments.h"

namespace holdfast::node {

bool ScanOptions::matches(std::string_view name) const { return !pattern || glob_match(*pattern, name); }

bool parse_scan_cursor(Call& call, std::string_view text, ScanOptions& options) {
  // A sign is read as strtoul does, and an empty cursor is 0, as in Redis.
  const bool empty = text.empty();
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), options.cursor);
  if (!empty && (error != std::errc() || end != text.data() + text.size())) {
    call.reply.error("ERR invalid cursor");
    return false;
  }
  if (negative) options.cursor = 0 - options.cursor;
  return true;
}

bool parse_scan_options(Call& call, size_t first, ScanOf what, ScanOptions& options) {
  for (size_t i = first; i < call.argc(); i += 2) {
    const bool has_value = i + 1 < call.argc();
    if (has_value && iequals(call.args[i], "COUNT")) {
      const auto count = read_integer(call, call.args[i + 1]);
      if (!count) return false;
      options.count = *count;
    } else if (has_value && iequals(call.args[i], "MATCH")) {
      options.pattern = call.args[i + 1];
    } else if (has_value && what == ScanOf::keys && iequals(call.args[i], "TYPE")) {
      options.type = call.args[i + 1];
    } else {
      call.reply.error(kSyntaxError);
      return false;
    }
    if (options.count < 1) {
      call.reply.error(kSyntaxError);
      return false;
    }
  }
  if (options.pattern == "*") options.pattern.reset();
  return true;
}

void reply_empty_scan(Call& call) {
  call.reply.array(2);
  call.reply.bulk("0");
  call.reply.array(0);
}

void reply_scan(Call& call, const ScanOptions& options, bool pairs, const ScanStep& step) {
  std::vector<std::string> found;
  const auto visit = [&](std::string_view element, std::string_view second) {
    if (!options.matches(element)) return;
    found.emplace_back(element);
    if (pairs) found.emplace_back(second);
  };
  uint64_t cursor = options.cursor;
  const auto wanted = static_cast<size_t>(options.count);
  for (int64_t buckets = 0; buckets < options.most_buckets(); ++buckets) {
    cursor = step(cursor, visit);
    if (cursor == 0 || found.size() >= wanted) break;
  }
  call.reply.array(2);
  call.reply.bulk(fmt::format_int(cursor).str());
  call.reply.array(found.size());
  for (const auto& text : found) call.reply.bulk(text);
}

}  // namespace holdfast::node
