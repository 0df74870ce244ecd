// The words of one line of redis.conf, of an inline request or of a CONFIG SET value.
//
// Pure; safe from any thread. Words are separated by white space. "..." knows \n \r \t \b \a \xHH and backslash before
// any other character; '...' knows \' only. A closing quote must end its word.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::config {

using Words = std::vector<std::string>;

// nullopt when the quotes do not balance.
std::optional<Words> split_words(std::string_view line);

// The word as it must be written so that split_words gives it back: bare where that is safe, else in double quotes.
std::string write_word(std::string_view word);

// A line of a conf file that split_words takes apart into these words.
std::string write_line(std::span<const std::string> words);

}  // namespace holdfast::config
