// Commands of Redis that neither binary has yet. Rules about them are taken and kept, and allow nothing: the
// permissions that Redis documents for a sentinel's user name one, and a file of users should move over as it is.
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

namespace holdfast::access {

inline constexpr std::array<std::string_view, 14> kAbsentCommands = {
    "asking",   "cluster",  "eval",   "eval_ro",  "evalsha",   "evalsha_ro",     "fcall",
    "fcall_ro", "function", "module", "readonly", "readwrite", "restore-asking", "script"};

// `target` is a command or one of its subcommands, in lower case.
inline bool is_absent(std::string_view target) {
  return std::ranges::find(kAbsentCommands, target.substr(0, target.find('|'))) != kAbsentCommands.end();
}

}  // namespace holdfast::access
