#include "common/base/text.h"

#include <cctype>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace holdfast {

namespace {

// Digits only, canonical: no sign, no leading zero but "0" itself.
std::optional<uint64_t> parse_digits(std::string_view text) {
  if (text.empty() || text.size() > 20) return std::nullopt;
  if (text[0] == '0' && text.size() > 1) return std::nullopt;
  uint64_t value = 0;
  if (text.size() < 20) {  // no overflow
    for (const char c : text) {
      const auto digit = static_cast<unsigned char>(c - '0');
      if (digit > 9) return std::nullopt;
      value = value * 10 + digit;
    }
    return value;
  }
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// The longest number text accepted; longer input is refused before it is copied for strtod.
constexpr size_t kMaxNumberText = 5 * 1024;

template <class Number, Number (*convert)(const char*, char**)>
std::optional<Number> parse_floating(std::string_view text) {
  if (text.empty() || text.size() > kMaxNumberText || std::isspace(static_cast<unsigned char>(text[0]))) {
    return std::nullopt;
  }
  char small[128];
  std::string large;
  const char* begin;
  if (text.size() < sizeof small) {
    std::memcpy(small, text.data(), text.size());
    small[text.size()] = '\0';
    begin = small;
  } else {
    large.assign(text);
    begin = large.c_str();
  }
  char* end = nullptr;
  errno = 0;
  const Number value = convert(begin, &end);
  if (end != begin + text.size() || std::isnan(value)) return std::nullopt;
  if (errno == ERANGE && (std::isinf(value) || value == 0)) return std::nullopt;
  return value;
}

}  // namespace

std::optional<uint64_t> parse_uint64(std::string_view text) { return parse_digits(text); }

std::optional<int64_t> parse_int64(std::string_view text) {
  if (text.empty() || text.back() < '0' || text.back() > '9') return std::nullopt;  // most that is no number
  const bool negative = !text.empty() && text[0] == '-';
  const auto magnitude = parse_digits(negative ? text.substr(1) : text);
  if (!magnitude) return std::nullopt;
  if (negative) {
    if (*magnitude == 0 || *magnitude > uint64_t{1} << 63) return std::nullopt;
    return static_cast<int64_t>(0 - *magnitude);
  }
  if (*magnitude > static_cast<uint64_t>(INT64_MAX)) return std::nullopt;
  return static_cast<int64_t>(*magnitude);
}

std::optional<double> parse_double(std::string_view text) {
  // The usual forms, several times sooner; whatever this does not take is strtod's to judge.
  double value;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size() && std::isfinite(value)) return value;
  return parse_floating<double, std::strtod>(text);
}

std::optional<long double> parse_long_double(std::string_view text) {
  return parse_floating<long double, std::strtold>(text);
}

char* write_double(char* to, double value) {
  const auto word = [to](std::string_view text) { return to + text.copy(to, text.size()); };
  if (std::isnan(value)) return word("nan");
  if (std::isinf(value)) return word(value > 0 ? "inf" : "-inf");
  if (value == 0) return word(std::signbit(value) ? "-0" : "0");
  // Integers in the range where a double is exact print as integers: the same text as %.17g, sooner.
  if (value > -4503599627370495.0 && value < 4503599627370496.0) {
    const auto integer = static_cast<int64_t>(value);
    if (static_cast<double>(integer) == value) return std::to_chars(to, to + kDoubleChars, integer).ptr;
  }
  return std::to_chars(to, to + kDoubleChars, value, std::chars_format::general, 17).ptr;
}

std::string format_double(double value) {
  char buffer[kDoubleChars];
  return std::string(buffer, write_double(buffer, value));
}

std::string format_long_double(long double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  char buffer[5 * 1024];
  const int length = std::snprintf(buffer, sizeof buffer, "%.17Lf", value);
  std::string text(buffer, static_cast<size_t>(length));
  if (text.find('.') != std::string::npos) {
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') text.pop_back();
  }
  if (text == "-0") text = "0";
  return text;
}

char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

std::string to_lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = to_lower(c);
  return out;
}

std::string to_upper(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
  }
  return out;
}

bool iequals(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i] != b[i] && to_lower(a[i]) != to_lower(b[i])) return false;
  }
  return true;
}

std::string_view trim(std::string_view text) {
  const auto space = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!text.empty() && space(text.front())) text.remove_prefix(1);
  while (!text.empty() && space(text.back())) text.remove_suffix(1);
  return text;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  size_t start = 0;
  while (true) {
    const size_t end = text.find(separator, start);
    parts.push_back(text.substr(start, end == std::string_view::npos ? end : end - start));
    if (end == std::string_view::npos) return parts;
    start = end + 1;
  }
}

namespace {

// Matches one [...] class. `at` points past '[' and is left past ']' (or at the end when the class is not closed).
bool match_class(std::string_view pattern, size_t& at, char c, bool ignore_case) {
  const auto fold = [&](char x) { return static_cast<unsigned char>(ignore_case ? to_lower(x) : x); };
  const bool negated = at < pattern.size() && pattern[at] == '^';
  if (negated) ++at;
  bool found = false;
  while (at < pattern.size() && pattern[at] != ']') {
    if (pattern[at] == '\\' && at + 1 < pattern.size()) {
      ++at;
      found |= fold(pattern[at]) == fold(c);
      ++at;
    } else if (at + 2 < pattern.size() && pattern[at + 1] == '-') {
      auto low = fold(pattern[at]), high = fold(pattern[at + 2]);
      if (low > high) std::swap(low, high);
      found |= fold(c) >= low && fold(c) <= high;
      at += 3;
    } else {
      found |= fold(pattern[at]) == fold(c);
      ++at;
    }
  }
  if (at < pattern.size()) ++at;
  return found != negated;
}

}  // namespace

bool glob_match(std::string_view pattern, std::string_view text, bool ignore_case) {
  // Iterative, with one point to come back to: a later star makes the earlier one's choices final, so the cost is at
  // most pattern x text.
  size_t p = 0, t = 0;
  size_t star = std::string_view::npos, star_text = 0;
  const auto same = [&](char a, char b) { return ignore_case ? to_lower(a) == to_lower(b) : a == b; };
  while (true) {
    bool matched = false;
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_text = t;
      continue;
    }
    if (t == text.size()) return p == pattern.size();
    if (p < pattern.size()) {
      if (pattern[p] == '?') {
        matched = true;
        ++p;
      } else if (pattern[p] == '[') {
        size_t next = p + 1;
        matched = match_class(pattern, next, text[t], ignore_case);
        if (matched) p = next;
      } else {
        const size_t literal = pattern[p] == '\\' && p + 1 < pattern.size() ? p + 1 : p;
        matched = same(pattern[literal], text[t]);
        if (matched) p = literal + 1;
      }
    }
    if (matched) {
      ++t;
    } else {
      if (star == std::string_view::npos) return false;
      p = star + 1;
      t = ++star_text;
      if (t > text.size()) return false;
    }
  }
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    switch (c) {
      case '\\': out += "\\\\"; break;
      case '"': out += "\\\""; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      case '\a': out += "\\a"; break;
      case '\b': out += "\\b"; break;
      default:
        if (c >= 0x20 && c < 0x7f) {
          out += c;
        } else {
          char hex[5];
          std::snprintf(hex, sizeof hex, "\\x%02x", static_cast<unsigned char>(c));
          out += hex;
        }
    }
  }
  out += '"';
  return out;
}

}  // namespace holdfast
