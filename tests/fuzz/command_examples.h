// Requests that do something, for the mutator to begin from: words separated by spaces, where a name such as "h?"
// stands for one of three keys of that kind and "#" for a number.
#pragma once

#include <span>
#include <string_view>

namespace holdfast::fuzz {

std::span<const std::string_view> command_examples();

}  // namespace holdfast::fuzz
