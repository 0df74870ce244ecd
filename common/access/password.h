// Passwords as users keep them: SHA-256 in lower-case hexadecimal digits. Comparing takes the same time whatever differs.
// Pure; safe from any thread.
#pragma once

#include <string>
#include <string_view>

namespace holdfast::access {

inline constexpr size_t kHashSize = 64;

std::string hash_of(std::string_view password);
bool is_hash(std::string_view text);
// Every byte of both is looked at, so that time tells nothing.
bool same_in_constant_time(std::string_view secret, std::string_view given);

}  // namespace holdfast::access
