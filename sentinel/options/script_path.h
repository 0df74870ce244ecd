// notification-script and client-reconfig-script must name what can be executed: checked when the file is loaded, and by
// SENTINEL SET.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace holdfast::sentinel {

// What is wrong with `option` set to `path`, in Redis's words; nothing for "" (none) and for other options. Asks the file
// system.
std::optional<std::string_view> script_problem(std::string_view option, const std::string& path);

}  // namespace holdfast::sentinel
