#include "sentinel/options/script_path.h"

#include <unistd.h>

#include "common/base/text.h"

namespace holdfast::sentinel {

std::optional<std::string_view> script_problem(std::string_view option, const std::string& path) {
  const bool notification = iequals(option, "notification-script");
  if (!notification && !iequals(option, "client-reconfig-script")) return std::nullopt;
  if (path.empty() || ::access(path.c_str(), X_OK) == 0) return std::nullopt;
  return notification ? "Notification script seems non existing or non executable"
                      : "Client reconfiguration script seems non existing or non executable";
}

}  // namespace holdfast::sentinel
