// What this build is. Constant for the life of the process; safe from any thread.
#pragma once

#include <string_view>

namespace holdfast {

// The Redis version whose behaviour and commands we offer; clients gate features on it (INFO, HELLO).
inline constexpr std::string_view kRedisVersion = "7.0.15";

std::string_view holdfast_version();
std::string_view build_commit();  // eight hexadecimal digits

}  // namespace holdfast
