#include "tests/bench/request_template.h"

#include <algorithm>
#include <cstring>

#include "common/base/text.h"

namespace holdfast::bench {

namespace {

constexpr unsigned kKeyDigits = 12;
constexpr uint64_t kLargestValue = 1U << 24;

// What values are made of. It has no '*': the floor server counts requests by it.
const std::string& letters() {
  static const std::string text = [] {
    std::string made(kLargestValue, ' ');
    for (size_t i = 0; i < made.size(); ++i) made[i] = static_cast<char>('a' + (i * 7 + i / 26) % 26);
    return made;
  }();
  return text;
}

void append_digits(std::string& out, uint64_t value, unsigned digits) {
  const size_t begin = out.size();
  out.resize(begin + digits);
  char* end = out.data() + begin + digits;
  for (unsigned i = 0; i < digits; ++i) {
    *--end = static_cast<char>('0' + value % 10);
    value /= 10;
  }
}

}  // namespace

Result<RequestTemplate> RequestTemplate::parse(std::string_view text, const TemplateLimits& limits) {
  std::vector<std::vector<Piece>> words;
  RequestTemplate made;
  for (std::string_view word : split(text, ' ')) {
    if (word.empty()) continue;
    auto pieces = made.parse_word(word, limits);
    if (!pieces) return std::unexpected(pieces.error());
    words.push_back(std::move(*pieces));
  }
  if (words.empty()) return fail("a command without a word");
  made.add_literal(fmt::format("*{}\r\n", words.size()));
  for (auto& word : words) made.add_word(std::move(word));
  return made;
}

Result<std::vector<RequestTemplate::Piece>> RequestTemplate::parse_word(std::string_view word,
                                                                        const TemplateLimits& limits) const {
  std::vector<Piece> pieces;
  while (!word.empty()) {
    const size_t open = word.find('{');
    if (open != 0) {
      pieces.push_back({.text = std::string(word.substr(0, open))});
      word.remove_prefix(std::min(open, word.size()));
      continue;
    }
    const size_t close = word.find('}');
    if (close == std::string_view::npos) return fail("no closing brace in {}", word);
    auto piece = parse_place(word.substr(1, close - 1), limits);
    if (!piece) return std::unexpected(piece.error());
    pieces.push_back(std::move(*piece));
    word.remove_prefix(close + 1);
  }
  if (pieces.size() > 1) {
    for (const Piece& piece : pieces) {
      if (piece.least != piece.most) return fail("letters of changing number must be a word of their own");
    }
  }
  return pieces;
}

Result<RequestTemplate::Piece> RequestTemplate::parse_place(std::string_view name, const TemplateLimits& limits) {
  using Kind = Piece::Kind;
  if (name == "key") return Piece{.kind = Kind::kRandom, .bound = limits.keys, .digits = kKeyDigits};
  if (name == "seq") return Piece{.kind = Kind::kSequence, .digits = kKeyDigits};
  if (name == "value") return Piece{.kind = Kind::kLetters, .least = limits.value_bytes, .most = limits.value_bytes};
  if (name.starts_with("rand:")) {
    const auto bound = parse_uint64(name.substr(5));
    if (!bound || *bound == 0) return fail("{{{}}} needs a number above 0", name);
    return Piece{
        .kind = Kind::kRandom, .bound = *bound, .digits = static_cast<unsigned>(fmt::formatted_size("{}", *bound - 1))};
  }
  if (name.starts_with("value:")) {
    const auto range = split(name.substr(6), '-');
    const auto least = parse_uint64(range.front());
    const auto most = parse_uint64(range.back());
    if (range.size() > 2 || !least || !most || *least > *most || *most > kLargestValue) {
      return fail("{{{}}} needs a number or a range up to {}", name, kLargestValue);
    }
    return Piece{.kind = Kind::kLetters, .least = *least, .most = *most};
  }
  return fail("no such place: {{{}}}", name);
}

void RequestTemplate::add_word(std::vector<Piece> pieces) {
  if (pieces.size() == 1 && pieces[0].kind == Piece::Kind::kLetters && pieces[0].least != pieces[0].most) {
    pieces_.push_back(std::move(pieces[0]));  // renders its own length
    add_literal("\r\n");
    return;
  }
  uint64_t size = 0;
  for (const Piece& piece : pieces) size += piece.text.size() + piece.digits + piece.least;
  add_literal(fmt::format("${}\r\n", size));
  for (Piece& piece : pieces) {
    if (piece.kind == Piece::Kind::kLiteral) {
      add_literal(piece.text);
    } else if (piece.kind == Piece::Kind::kLetters) {
      add_literal(std::string_view(letters()).substr(0, piece.least));
    } else {
      pieces_.push_back(std::move(piece));
    }
  }
  add_literal("\r\n");
}

void RequestTemplate::add_literal(std::string_view text) {
  if (pieces_.empty() || pieces_.back().kind != Piece::Kind::kLiteral) pieces_.emplace_back();
  pieces_.back().text.append(text);
}

void RequestTemplate::append(std::string& out, RandomSource& random, Sequence& sequence) const {
  for (const Piece& piece : pieces_) {
    switch (piece.kind) {
      case Piece::Kind::kLiteral:
        out.append(piece.text);
        break;
      case Piece::Kind::kRandom:
        append_digits(out, random.below(piece.bound), piece.digits);
        break;
      case Piece::Kind::kSequence:
        append_digits(out, sequence.take(), piece.digits);
        break;
      case Piece::Kind::kLetters: {
        const uint64_t size = piece.least + random.below(piece.most - piece.least + 1);
        fmt::format_to(std::back_inserter(out), "${}\r\n", size);
        out.append(letters(), 0, size);
        break;
      }
    }
  }
}

}  // namespace holdfast::bench
