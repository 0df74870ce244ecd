#include "common/config/option.h"

namespace holdfast::config {

Option::Option(std::string name, Flags flags, std::string help)
    : name_(std::move(name)), flags_(flags), help_(std::move(help)) {}

Result<Words> Option::checked(const Words& words) const {
  if (has(kRaw)) return words;
  if (!has(kMultiArgument)) {
    if (words.size() != 1) return fail("wrong number of arguments");
    return words;
  }
  // CONFIG SET gives all words in one; so may a conf file.
  if (words.size() != 1) return words;
  auto parts = split_words(words[0]);
  if (!parts) return fail("Unbalanced quotes in configuration line");
  return *std::move(parts);
}

}  // namespace holdfast::config
