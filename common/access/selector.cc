#include "common/access/selector.h"

#include <algorithm>

#include "common/access/absent_commands.h"
#include "common/base/text.h"

namespace holdfast::access {

using namespace std::string_view_literals;

namespace {

constexpr std::string_view kUnknownCommand = "Unknown command or category name in ACL";

// Where a request names channels.
enum class Channels : uint8_t { none, first, all, patterns };

Channels channels_of(const command::CommandSpec& spec) {
  if (!spec.has(command::kPubsub)) return Channels::none;
  if (spec.name == "publish" || spec.name == "spublish") return Channels::first;
  if (spec.name == "subscribe" || spec.name == "ssubscribe") return Channels::all;
  return spec.name == "psubscribe" ? Channels::patterns : Channels::none;
}

bool has_space(std::string_view text) { return text.find_first_of(" \t\r\n\v\f\0"sv) != std::string_view::npos; }

void append(std::string& text, std::string_view part) {
  if (part.empty()) return;
  if (!text.empty()) text += ' ';
  text += part;
}

}  // namespace

Selector::Selector(const Catalog* catalog, bool all_channels) : catalog_(catalog), all_channels_(all_channels) {
  set_all_commands(false);
}

Result<> Selector::apply(std::string_view rule) {
  const std::string word = to_lower(rule);
  if (word == "allcommands" || word == "+@all") return set_all_commands(true), Result<>();
  if (word == "nocommands" || word == "-@all") return set_all_commands(false), Result<>();
  if (word == "allkeys" || word == "~*" || word == "resetkeys") {
    all_keys_ = word != "resetkeys";
    keys_.clear();
    return {};
  }
  if (word == "allchannels" || word == "&*" || word == "resetchannels") {
    all_channels_ = word != "resetchannels";
    channels_.clear();
    return {};
  }
  if (rule.empty()) return {};
  switch (rule[0]) {
    case '~':
    case '%':
      return add_key_pattern(rule);
    case '&':
      return add_channel(rule.substr(1));
    case '+':
    case '-':
      return add_command_rule(rule[0] == '+', word.substr(1));
    default:
      return fail("{}", kSyntaxError);
  }
}

Result<> Selector::add_key_pattern(std::string_view rule) {
  uint8_t rights = kRead | kWrite;
  std::string_view pattern = rule.substr(1);
  if (rule[0] == '%') {
    rights = 0;
    const size_t tilde = std::min(pattern.find('~'), pattern.size());
    for (const char letter : pattern.substr(0, tilde)) {
      const uint8_t right = to_lower(letter) == 'r' ? kRead : to_lower(letter) == 'w' ? kWrite : 0;
      if (right == 0 || (rights & right) != 0) return fail("{}", kSyntaxError);
      rights |= right;
    }
    if (rights == 0) return fail("{}", kSyntaxError);
    pattern.remove_prefix(std::min(tilde + 1, pattern.size()));
  }
  if (all_keys_) {
    return fail("Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any effect. "
                "Try 'resetkeys' to start with an empty list of patterns");
  }
  if (has_space(pattern)) return fail("{}", kSyntaxError);
  if (pattern == "*" && rights == (kRead | kWrite)) {
    all_keys_ = true;
    keys_.clear();
    return {};
  }
  const auto known = std::ranges::find(keys_, pattern, &KeyPattern::pattern);
  if (known != keys_.end()) {
    known->rights |= rights;
  } else {
    keys_.push_back({std::string(pattern), rights});
  }
  return {};
}

Result<> Selector::add_channel(std::string_view pattern) {
  if (all_channels_) {
    return fail("Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not have any "
                "effect. Try 'resetchannels' to start with an empty list of channels");
  }
  if (has_space(pattern)) return fail("{}", kSyntaxError);
  if (std::ranges::find(channels_, pattern) == channels_.end()) channels_.emplace_back(pattern);
  return {};
}

Result<> Selector::known(const CommandRule& rule) const {
  const std::string_view target = rule.target;
  if (target.ends_with('|') || has_space(target)) return fail("{}", kSyntaxError);
  if (catalog_ == nullptr) return {};
  if (target.starts_with('@')) {
    if (catalog_->category(target.substr(1)) == nullptr) return fail("{}", kUnknownCommand);
    return {};
  }
  if (catalog_->find(target) != nullptr) return {};
  const size_t bar = target.find('|');
  const Catalog::Command* container = catalog_->find(target.substr(0, bar));
  if (container == nullptr && is_absent(target)) return {};
  if (bar == std::string_view::npos || container == nullptr) return fail("{}", kUnknownCommand);
  if (!container->subcommands.empty()) {
    const size_t second = target.find('|', bar + 1);
    if (second != std::string_view::npos && catalog_->find(target.substr(0, second)) != nullptr) {
      return fail("Allowing first-arg of a subcommand is not supported");
    }
    return fail("{}", kUnknownCommand);
  }
  if (!rule.allow || target.find('|', bar + 1) != std::string_view::npos) return fail("{}", kUnknownCommand);
  return {};
}

void Selector::set_all_commands(bool allow) {
  all_commands_ = allow;
  rules_.clear();
  allowed_ = allowed_by(rules_);
}

// What a rule does to commands outside of its target is nothing, so an earlier rule of the same target, or of a part of it,
// is void.
Result<> Selector::add_command_rule(bool allow, std::string target) {
  CommandRule rule{allow, std::move(target)};
  if (auto done = known(rule); !done) return done;
  const size_t before = rules_.size();
  std::erase_if(rules_, [&](const CommandRule& old) {
    return old.target == rule.target ||
           (old.target.starts_with(rule.target) && old.target[rule.target.size()] == '|');
  });
  allowed_ = allowed_by(rules_);
  Allowed with = allowed_;
  apply_to(with, rule);
  // What changes nothing is not kept; but a category may get members, and a command may come.
  const bool standing = is_absent(rule.target) || (rule.target.starts_with('@') && rules_.size() == before);
  if (catalog_ == nullptr || standing || !(with == allowed_)) rules_.push_back(std::move(rule));
  allowed_ = std::move(with);
  return {};
}

Selector::Allowed Selector::allowed_by(const std::vector<CommandRule>& rules) const {
  Allowed allowed;
  if (catalog_ == nullptr) return allowed;
  allowed.commands = CommandSet(catalog_->id_count());
  if (all_commands_) {
    for (const Catalog::Command& command : catalog_->commands()) allowed.commands.put(command.id, true);
  }
  for (const CommandRule& rule : rules) apply_to(allowed, rule);
  return allowed;
}

void Selector::apply_to(Allowed& allowed, const CommandRule& rule) const {
  if (catalog_ == nullptr) return;
  const auto put = [&](const Catalog::Command& command) {
    allowed.commands.put(command.id, rule.allow);
    allowed.first_arguments.erase(command.id);
  };
  if (rule.target.starts_with('@')) {
    for (const Catalog::Command* member : *catalog_->category(std::string_view(rule.target).substr(1))) put(*member);
    return;
  }
  if (const Catalog::Command* command = catalog_->find(rule.target)) {
    put(*command);
    for (const Catalog::Command* child : command->subcommands) put(*child);
    return;
  }
  const size_t bar = rule.target.find('|');
  const Catalog::Command* command = catalog_->find(std::string_view(rule.target).substr(0, bar));
  if (command == nullptr || allowed.commands.has(command->id)) return;
  allowed.first_arguments[command->id].push_back(rule.target.substr(bar + 1));
}

bool Selector::may_run(const Catalog::Command& command, std::span<const std::string_view> args) const {
  if (command.spec->has(command::kNoAuth) || allowed_.commands.has(command.id)) return true;
  const auto found = allowed_.first_arguments.find(command.id);
  if (found == allowed_.first_arguments.end() || args.size() < 2) return false;
  return std::ranges::any_of(found->second, [&](const std::string& first) { return iequals(first, args[1]); });
}

bool Selector::may_use_key(std::string_view key, uint16_t key_flags) const {
  uint8_t needed = 0;
  if ((key_flags & command::kKeyAccess) != 0) needed |= kRead;
  if ((key_flags & (command::kKeyInsert | command::kKeyUpdate | command::kKeyDelete)) != 0) needed |= kWrite;
  return std::ranges::any_of(keys_, [&](const KeyPattern& one) {
    return (one.rights & needed) == needed && glob_match(one.pattern, key);
  });
}

bool Selector::may_listen(std::string_view channel, bool literal) const {
  if (all_channels_) return true;
  return std::ranges::any_of(channels_, [&](const std::string& pattern) {
    return literal ? pattern == channel : glob_match(pattern, channel);
  });
}

Verdict Selector::check(const Catalog::Command& command, std::span<const std::string_view> args) const {
  if (!may_run(command, args)) return {Denial::command, 0};
  const command::CommandSpec& spec = *command.spec;
  if (!all_keys_ && (spec.keys.first != 0 || spec.find_keys != nullptr)) {
    bool later = false;
    for (const int position : command::key_positions(spec, args)) {
      const auto at = static_cast<size_t>(position);
      const uint16_t flags = command::flags_of_key(spec, args, position, std::exchange(later, true));
      if ((flags & command::kKeyNotKey) == 0 && !may_use_key(args[at], flags)) return {Denial::key, at};
    }
  }
  const Channels channels = all_channels_ ? Channels::none : channels_of(spec);
  if (channels == Channels::none) return {};
  const size_t last = channels == Channels::first ? 1 : args.size() - 1;
  for (size_t at = 1; at <= last; ++at) {
    if (!may_listen(args[at], channels == Channels::patterns)) return {Denial::channel, at};
  }
  return {};
}

std::string Selector::commands_text() const {
  std::string text = all_commands_ ? "+@all" : "-@all";
  for (const CommandRule& rule : rules_) {
    text += rule.allow ? " +" : " -";
    text += rule.target;
  }
  return text;
}

std::string Selector::keys_text() const {
  if (all_keys_) return "~*";
  std::string text;
  for (const KeyPattern& one : keys_) {
    const std::string_view mark = one.rights == kRead ? "%R~" : one.rights == kWrite ? "%W~" : "~";
    append(text, std::string(mark) + one.pattern);
  }
  return text;
}

std::string Selector::channels_text() const {
  if (all_channels_) return "&*";
  std::string text;
  for (const std::string& pattern : channels_) append(text, "&" + pattern);
  return text;
}

std::string Selector::text() const {
  std::string text = keys_text();
  if (!all_channels_) append(text, "resetchannels");
  append(text, channels_text());
  append(text, commands_text());
  return text;
}

}  // namespace holdfast::access
