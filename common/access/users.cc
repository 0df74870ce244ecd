#include "common/access/users.h"

#include <algorithm>
#include <set>

#include "common/access/password.h"
#include "common/base/text.h"

namespace holdfast::access {

using namespace std::string_view_literals;

namespace {

bool bad_name(std::string_view name) {
  return name.empty() || name.find_first_of(" \t\r\n\v\f\0"sv) != std::string_view::npos;
}

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  for (const std::string_view word : split(line, ' ')) {
    if (!word.empty()) words.push_back(word);
  }
  return words;
}

std::vector<std::string_view> views(std::span<const std::string> words) { return {words.begin(), words.end()}; }

// One line of an ACL file into `user`; what is wrong with it in Redis's words, else "".
std::string apply_file_line(std::span<const std::string_view> rules, User& user, const std::string& where) {
  const auto joined = join_selectors(rules);
  if (!joined) return fmt::format("{}: Unmatched parenthesis in selector definition.", where);
  for (const std::string& rule : *joined) {
    const auto done = user.apply(rule);
    if (done) continue;
    // Redis keeps to itself which word is none.
    if (done.error().text == kSyntaxError) return fmt::format("{}: Syntax error. ", where);
    return fmt::format("{}: Error in applying operation '{}': {}. ", where, rule, done.error().text);
  }
  return "";
}

}  // namespace

Users::Users() : default_(std::make_shared<User>(User::open(std::string(kDefaultUser), nullptr))) {
  users_.emplace(kDefaultUser, default_);
}

void Users::use_catalog(const Catalog& catalog) {
  catalog_ = &catalog;
  const User before = *default_;
  *default_ = User::open(std::string(kDefaultUser), catalog_);
  if (before.nopass()) return;
  for (const std::string& hash : before.passwords()) (void)default_->apply("#" + hash);
}

std::shared_ptr<User> Users::find(std::string_view name) const {
  const auto found = users_.find(name);
  return found == users_.end() ? nullptr : found->second;
}

User Users::fresh(std::string_view name) const { return {std::string(name), catalog_, all_channels_}; }

void Users::set_default_password(std::string_view password) {
  (void)default_->apply(password.empty() ? "nopass" : "resetpass");
  if (!password.empty()) (void)default_->apply(fmt::format(">{}", password));
}

std::shared_ptr<User> Users::authenticate(std::string_view name, std::string_view password) const {
  auto user = find(name);
  if (user == nullptr) {
    (void)hash_of(password);  // nobody learns by the time who exists
    return nullptr;
  }
  const bool accepted = user->accepts(password);
  return accepted && user->on() ? user : nullptr;
}

Result<> Users::set(std::string_view name, std::span<const std::string_view> rules) {
  if (bad_name(name)) return fail("ERR Usernames can't contain spaces or null characters");
  const auto joined = join_selectors(rules);
  if (!joined) return fail("ERR Unmatched parenthesis in acl selector starting at '{}'.", joined.error().text);
  const auto existing = find(name);
  User changed = existing == nullptr ? fresh(name) : *existing;
  changed.set_channels_by_default(all_channels_);
  for (const std::string& rule : *joined) {
    if (auto done = changed.apply(rule); !done) {
      return fail("ERR Error in ACL SETUSER modifier '{}': {}", rule, done.error().text);
    }
  }
  if (existing != nullptr) {
    *existing = std::move(changed);
  } else {
    users_.emplace(name, std::make_shared<User>(std::move(changed)));
  }
  return {};
}

bool Users::remove(std::string_view name) {
  const auto found = users_.find(name);
  if (found == users_.end() || found->second == default_) return false;
  users_.erase(found);
  return true;
}

Result<> Users::load_lines(std::span<const Words> lines) {
  for (const Words& line : lines) {
    if (bad_name(line[0])) return fail("Spaces not allowed in ACL usernames");
    User user = fresh(line[0]);
    const auto joined = join_selectors(views(std::span(line).subspan(1)));
    if (!joined) return fail("Unmatched parenthesis in acl selector starting at '{}'", joined.error().text);
    if (line[0] == kDefaultUser) (void)user.apply("reset");
    for (const std::string& rule : *joined) {
      if (auto done = user.apply(rule); !done) {
        return fail("Error loading ACL rule '{}' for the user named '{}': {}", rule, line[0], done.error().text);
      }
    }
    if (line[0] == kDefaultUser) {
      *default_ = std::move(user);
    } else {
      users_[line[0]] = std::make_shared<User>(std::move(user));
    }
  }
  return {};
}

Result<> Users::load_text(std::string_view text, const std::string& path) {
  std::map<std::string, User, std::less<>> loaded;
  std::string errors;
  int number = 0;
  for (const std::string_view line : split(text, '\n')) {
    ++number;
    const auto words = words_of(trim(line));
    if (words.empty()) continue;
    const std::string where = fmt::format("{}:{}", path, number);
    if (words[0] != "user" || words.size() < 2) {
      errors += fmt::format("{} should start with user keyword followed by the username. ", where);
      continue;
    }
    const std::string_view name = words[1];
    if (loaded.contains(name)) {
      errors += fmt::format("WARNING: Duplicate user '{}' found on line {}. ", name, number);
      continue;
    }
    User& user = loaded.emplace(name, fresh(name)).first->second;
    errors += apply_file_line(std::span(words).subspan(2), user, where);
  }
  if (!errors.empty()) {
    return fail("{}WARNING: ACL errors detected, no change to the previously active ACL rules was performed", errors);
  }
  if (!loaded.contains(kDefaultUser)) {
    loaded.emplace(kDefaultUser, User::open(std::string(kDefaultUser), catalog_));
  }
  std::erase_if(users_, [&](const auto& one) { return !loaded.contains(one.first); });
  for (auto& [name, user] : loaded) {
    auto& place = users_[name];
    if (place == nullptr) {
      place = std::make_shared<User>(std::move(user));
    } else {
      *place = std::move(user);
    }
  }
  return {};
}

std::string Users::text() const {
  std::string text;
  for (const auto& [name, user] : users_) text += fmt::format("user {}\n", user->text());
  return text;
}

Result<> check_user_line(const Words& line, std::span<const Words> before) {
  if (line.empty()) return fail("Bad directive or wrong number of arguments");
  const auto same = [&](const Words& other) { return other[0] == line[0]; };
  if (std::ranges::any_of(before, same)) {
    return fail("Error in user declaration '{}': Duplicate user found. A user can only be defined once in config files",
                line[0]);
  }
  const auto joined = join_selectors(views(std::span(line).subspan(1)));
  if (!joined) return fail("Error in user declaration '{}': Unmatched parenthesis", joined.error().text);
  User user(line[0], nullptr, false);
  for (const std::string& rule : *joined) {
    if (auto done = user.apply(rule); !done) {
      return fail("Error in user declaration '{}': {}", rule, done.error().text);
    }
  }
  return {};
}

}  // namespace holdfast::access
