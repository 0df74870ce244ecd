// Runs Prometheus's own checker over a page of metrics; for tests only.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace holdfast::tests {

// What `promtool check metrics` says of the lines about `prefix` families ("" when it finds nothing wrong); nothing
// where promtool is not installed.
std::optional<std::string> promtool_complaints(std::string_view text, std::string_view prefix);

}  // namespace holdfast::tests
