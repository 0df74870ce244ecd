#include "common/config/tokenizer.h"

#include <algorithm>

#include "common/base/text.h"

namespace holdfast::config {

namespace {

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

char escaped(char c) {
  switch (c) {
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'b':
      return '\b';
    case 'a':
      return '\a';
    default:
      return c;
  }
}

// Takes the inside of "..." from `at` (past the opening quote) up to and past the closing one.
bool take_double_quoted(std::string_view line, size_t& at, std::string& word) {
  while (at < line.size()) {
    const char c = line[at];
    if (c == '"') {
      ++at;
      return at == line.size() || is_space(line[at]);
    }
    if (c == '\\' && at + 3 < line.size() && line[at + 1] == 'x' && hex_digit(line[at + 2]) >= 0 &&
        hex_digit(line[at + 3]) >= 0) {
      word += static_cast<char>(hex_digit(line[at + 2]) * 16 + hex_digit(line[at + 3]));
      at += 4;
    } else if (c == '\\' && at + 1 < line.size()) {
      word += escaped(line[at + 1]);
      at += 2;
    } else {
      word += c;
      ++at;
    }
  }
  return false;
}

bool take_single_quoted(std::string_view line, size_t& at, std::string& word) {
  while (at < line.size()) {
    if (line[at] == '\\' && at + 1 < line.size() && line[at + 1] == '\'') {
      word += '\'';
      at += 2;
    } else if (line[at] == '\'') {
      ++at;
      return at == line.size() || is_space(line[at]);
    } else {
      word += line[at++];
    }
  }
  return false;
}

}  // namespace

std::optional<Words> split_words(std::string_view line) {
  Words words;
  size_t at = 0;
  while (true) {
    while (at < line.size() && is_space(line[at])) ++at;
    if (at == line.size()) return words;
    std::string& word = words.emplace_back();
    while (at < line.size() && !is_space(line[at])) {
      if (line[at] == '"') {
        if (!take_double_quoted(line, ++at, word)) return std::nullopt;
        break;
      }
      if (line[at] == '\'') {
        if (!take_single_quoted(line, ++at, word)) return std::nullopt;
        break;
      }
      word += line[at++];
    }
  }
}

std::string write_word(std::string_view word) {
  static constexpr std::string_view kSafe = "_-./:@%+,*~&^!=?<>()[]{}|;$#";
  const bool bare = !word.empty() && word[0] != '#' && std::ranges::all_of(word, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || kSafe.contains(c);
  });
  return bare ? std::string(word) : quoted(word);
}

std::string write_line(std::span<const std::string> words) {
  std::string line;
  for (const std::string& word : words) {
    if (!line.empty()) line += ' ';
    line += write_word(word);
  }
  return line;
}

}  // namespace holdfast::config
