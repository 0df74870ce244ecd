// Splits a line into words by the rules of Redis's inline commands and configuration lines: words are separated by
// white space; "..." understands \n \r \t \b \a \xHH and backslash before any other character; '...' understands \' only.
// A closing quote must be followed by white space or the end. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast {

// Nothing when quotes are unbalanced or a closing quote is followed by something.
std::optional<std::vector<std::string>> split_args(std::string_view line);

}  // namespace holdfast
