#include "common/base/split_args.h"

namespace holdfast {

namespace {

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Reads one character of a "..." word at line[at] (not the closing quote), moves `at` past it and returns it.
char read_escaped(std::string_view line, size_t& at) {
  if (line[at] != '\\' || at + 1 >= line.size()) return line[at++];
  if (line[at + 1] == 'x' && at + 3 < line.size()) {
    const int high = hex_digit(line[at + 2]), low = hex_digit(line[at + 3]);
    if (high >= 0 && low >= 0) {
      at += 4;
      return static_cast<char>(high * 16 + low);
    }
  }
  const char c = line[at + 1];
  at += 2;
  switch (c) {
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case 'b': return '\b';
    case 'a': return '\a';
    default: return c;
  }
}

}  // namespace

std::optional<std::vector<std::string>> split_args(std::string_view line) {
  std::vector<std::string> words;
  size_t at = 0;
  while (true) {
    while (at < line.size() && is_space(line[at])) ++at;
    if (at == line.size()) return words;
    std::string word;
    while (at < line.size() && !is_space(line[at])) {
      const char quote = line[at];
      if (quote != '"' && quote != '\'') {
        word += line[at++];
        continue;
      }
      ++at;
      while (true) {
        if (at == line.size()) return std::nullopt;
        if (line[at] == quote) break;
        if (quote == '"') {
          word += read_escaped(line, at);
        } else if (line.substr(at, 2) == "\\'") {
          word += '\'';
          at += 2;
        } else {
          word += line[at++];
        }
      }
      ++at;
      if (at < line.size() && !is_space(line[at])) return std::nullopt;
    }
    words.push_back(std::move(word));
  }
}

}  // namespace holdfast
