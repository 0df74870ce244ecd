// Text helpers with Redis's exact rules where a rule is visible to users: number syntax, glob patterns, quoting.
// All are pure and safe from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast {

// Decimal integers as Redis accepts them: no leading '+', spaces or zeros ("0" itself aside), the whole text consumed,
// no overflow. (Same rule for command arguments and protocol headers.)
std::optional<int64_t> parse_int64(std::string_view text);
std::optional<uint64_t> parse_uint64(std::string_view text);

// Floating point as Redis's command arguments: the whole text consumed, no leading space, NaN refused; "inf", "+inf",
// "-inf" (any case), hex and exponent forms accepted.
std::optional<double> parse_double(std::string_view text);
std::optional<long double> parse_long_double(std::string_view text);

// Doubles as RESP2 bulk strings carry them: %.17g shortened to an integer form where exact; "inf", "-inf", "nan".
std::string format_double(double value);
// The same into a buffer of kDoubleChars; returns the end.
inline constexpr size_t kDoubleChars = 32;
char* write_double(char* to, double value);
// INCRBYFLOAT's form: 17 digits after the point at most, trailing zeros cut, never an exponent.
std::string format_long_double(long double value);

char to_lower(char c);
std::string to_lower(std::string_view text);
std::string to_upper(std::string_view text);
bool iequals(std::string_view a, std::string_view b);
std::string_view trim(std::string_view text);
std::vector<std::string_view> split(std::string_view text, char separator);

// Redis's glob: * ? [abc] [^abc] [a-z] and backslash escapes. Runs in time proportional to text times stars, with a
// bound on nesting, so a hostile pattern cannot hang the executor.
bool glob_match(std::string_view pattern, std::string_view text, bool ignore_case = false);

// A string in Redis's quoted form, as MONITOR and the log show it: "a\r\n\x01".
std::string quoted(std::string_view text);

}  // namespace holdfast
