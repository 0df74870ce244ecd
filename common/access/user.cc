#include "common/access/user.h"

#include <algorithm>

#include "common/access/password.h"
#include "common/base/text.h"

namespace holdfast::access {

User::User(std::string name, const Catalog* catalog, bool all_channels)
    : name_(std::move(name)), catalog_(catalog), all_channels_(all_channels), selectors_{{catalog, all_channels}} {}

User User::open(std::string name, const Catalog* catalog) {
  User user(std::move(name), catalog, true);
  for (const std::string_view rule : {"on", "nopass", "~*", "&*", "+@all"}) (void)user.apply(rule);
  return user;
}

Result<> User::apply(std::string_view rule) {
  Result<> done;
  if (!rule.empty() && !apply_word(to_lower(rule))) {
    if (std::string_view("><#!").find(rule[0]) != std::string_view::npos) {
      done = apply_password(rule);
    } else if (rule[0] == '(') {
      done = add_selector(rule);
    } else {
      done = selectors_.front().apply(rule);
    }
  }
  unrestricted_ = selectors_.front().unrestricted();
  return done;
}

bool User::apply_word(const std::string& word) {
  if (word == "on" || word == "off") {
    on_ = word == "on";
  } else if (word == "nopass" || word == "resetpass") {
    nopass_ = word == "nopass";
    passwords_.clear();
  } else if (word == "sanitize-payload" || word == "skip-sanitize-payload") {
    sanitize_ = word == "sanitize-payload" ? Sanitize::yes : Sanitize::no;
  } else if (word == "clearselectors") {
    selectors_.erase(selectors_.begin() + 1, selectors_.end());
  } else if (word == "reset") {
    reset();
  } else {
    return false;
  }
  return true;
}

void User::reset() {
  on_ = nopass_ = false;
  passwords_.clear();
  sanitize_ = Sanitize::yes;
  selectors_.assign(1, Selector(catalog_, all_channels_));
}

Result<> User::apply_password(std::string_view rule) {
  const std::string_view text = rule.substr(1);
  const bool hashed = rule[0] == '#' || rule[0] == '!';
  if (hashed && !is_hash(text)) {
    return fail("The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters");
  }
  std::string hash = hashed ? std::string(text) : hash_of(text);
  const auto found = std::ranges::find(passwords_, hash);
  if (rule[0] == '<' || rule[0] == '!') {
    if (found == passwords_.end()) {
      return fail("The password you are trying to remove from the user does not exist");
    }
    passwords_.erase(found);
    return {};
  }
  if (found == passwords_.end()) passwords_.push_back(std::move(hash));
  nopass_ = false;
  return {};
}

Result<> User::add_selector(std::string_view rule) {
  if (!rule.ends_with(')')) return fail("{}", kSyntaxError);
  Selector selector(catalog_, all_channels_);
  for (const std::string_view word : split(rule.substr(1, rule.size() - 2), ' ')) {
    if (word.ends_with(')')) return fail("{}", kSyntaxError);  // written down, it would end the selector
    if (auto done = selector.apply(word); !done) return done;
  }
  selectors_.push_back(std::move(selector));
  return {};
}

bool User::accepts(std::string_view password) const {
  if (nopass_) return true;
  const std::string hash = hash_of(password);
  bool known = false;
  for (const std::string& one : passwords_) known |= same_in_constant_time(one, hash);
  return known;
}

Verdict User::check(const Catalog::Command& command, std::span<const std::string_view> args) const {
  if (unrestricted_) return {};
  Verdict worst{Denial::command, 0};
  for (const Selector& selector : selectors_) {
    const Verdict verdict = selector.check(command, args);
    if (verdict.denial == Denial::none) return verdict;
    if (verdict.denial > worst.denial || (verdict.denial == worst.denial && verdict.at > worst.at)) worst = verdict;
  }
  return worst;
}

bool User::may_listen(std::string_view channel, bool literal) const {
  return std::ranges::any_of(selectors_, [&](const Selector& one) { return one.may_listen(channel, literal); });
}

std::vector<std::string_view> User::flags() const {
  std::vector<std::string_view> flags{on_ ? "on" : "off"};
  if (nopass_) flags.emplace_back("nopass");
  if (sanitize_ == Sanitize::yes) flags.emplace_back("sanitize-payload");
  if (sanitize_ == Sanitize::no) flags.emplace_back("skip-sanitize-payload");
  return flags;
}

std::vector<std::string> User::words() const {
  std::vector<std::string> words{name_};
  for (const std::string_view flag : flags()) words.emplace_back(flag);
  for (const std::string& hash : passwords_) words.push_back("#" + hash);
  for (const Selector& selector : selectors_) {
    const std::string rules = selector.text();
    if (&selector != &selectors_.front()) {
      words.push_back("(" + rules + ")");
    } else {
      for (const std::string_view rule : split(rules, ' ')) words.emplace_back(rule);
    }
  }
  return words;
}

std::string User::text() const { return fmt::format("{}", fmt::join(words(), " ")); }

Result<std::vector<std::string>> join_selectors(std::span<const std::string_view> words) {
  std::vector<std::string> joined;
  for (size_t i = 0; i < words.size(); ++i) {
    std::string rule(words[i]);
    if (rule.starts_with('(')) {
      const size_t opened = i;
      while (!rule.ends_with(')')) {
        if (++i == words.size()) return fail("{}", words[opened]);
        rule.append(" ").append(words[i]);
      }
    }
    joined.push_back(std::move(rule));
  }
  return joined;
}

}  // namespace holdfast::access
