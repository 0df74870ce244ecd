#include "sentinel/state/overruled_lines.h"

#include <algorithm>
#include <array>
#include <set>
#include <string>

#include "common/base/text.h"

namespace holdfast::sentinel {

namespace {

constexpr std::array<std::string_view, 9> kState = {"monitor",       "rename-command", "myid",
                                                    "current-epoch", "config-epoch",   "leader-epoch",
                                                    "known-replica", "known-slave",    "known-sentinel"};

// What only one line may say; "" for a setting.
std::string subject_of(const LineWords& words) {
  const std::string option = words.empty() ? std::string() : to_lower(words[0]);
  if (std::ranges::find(kState, option) == kState.end()) return "";
  std::string subject = key_of_line(words);
  if (option == "rename-command" && words.size() > 2) subject += ' ' + to_upper(words[2]);
  return subject;
}

}  // namespace

std::vector<bool> overruled_lines(std::span<const SourcedLine> lines) {
  std::set<std::string> own;
  for (const SourcedLine& line : lines) {
    if (line.in_own_file) own.insert(subject_of(line.words));
  }
  own.erase("");
  std::vector<bool> overruled;
  overruled.reserve(lines.size());
  for (const SourcedLine& line : lines) overruled.push_back(!line.in_own_file && own.contains(subject_of(line.words)));
  return overruled;
}

}  // namespace holdfast::sentinel
