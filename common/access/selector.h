// What somebody may do: commands, keys and channels. A user has one set of such permissions, and any number of further ones
// ("selectors"), each of which allows by itself. Rules and their words: Redis's documentation of ACL SETUSER.
//
// Command rules are kept as they were given, without those that later ones made void, so that "everything but @dangerous"
// still says so when it is shown. Not thread-safe.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/access/catalog.h"
#include "common/base/result.h"

namespace holdfast::access {

enum class Denial : uint8_t { none, command, key, channel };  // a later one is the more telling one

struct Verdict {
  Denial denial = Denial::none;
  size_t at = 0;  // which argument was refused
};

class Selector {
 public:
  // Without a catalog (only the syntax of rules is to be checked) any command or category is taken for known.
  Selector(const Catalog* catalog, bool all_channels);

  // One rule; the error is the reason in Redis's words, and nothing is changed.
  Result<> apply(std::string_view rule);

  // May this request be executed? `command` is the row it runs.
  Verdict check(const Catalog::Command& command, std::span<const std::string_view> args) const;
  // Of a channel (or, `literal`, a pattern) that is listened to already.
  bool may_listen(std::string_view channel, bool literal) const;

  bool unrestricted() const { return all_commands_ && rules_.empty() && all_keys_ && all_channels_; }

  std::string commands_text() const;  // "+@all -@dangerous"
  std::string keys_text() const;      // "~app:* %R~log:*"
  std::string channels_text() const;  // "&news:*"
  std::string text() const;           // all of it, as ACL LIST has it
  bool operator==(const Selector&) const = default;

 private:
  enum Right : uint8_t { kRead = 1, kWrite = 2 };
  struct KeyPattern {
    std::string pattern;
    uint8_t rights = 0;
    bool operator==(const KeyPattern&) const = default;
  };
  struct CommandRule {
    bool allow = false;
    std::string target;  // "@category", "command", "command|subcommand" or "command|argument"
    bool operator==(const CommandRule&) const = default;
  };
  struct Allowed {
    CommandSet commands;
    std::map<int, std::vector<std::string>> first_arguments;  // of commands not allowed otherwise
    bool operator==(const Allowed&) const = default;
  };

  Result<> add_key_pattern(std::string_view rule);
  Result<> add_channel(std::string_view pattern);
  Result<> add_command_rule(bool allow, std::string target);
  Result<> known(const CommandRule& rule) const;
  void set_all_commands(bool allow);
  Allowed allowed_by(const std::vector<CommandRule>& rules) const;
  void apply_to(Allowed& allowed, const CommandRule& rule) const;
  bool may_run(const Catalog::Command& command, std::span<const std::string_view> args) const;
  bool may_use_key(std::string_view key, uint16_t key_flags) const;

  const Catalog* catalog_;
  bool all_commands_ = false;
  std::vector<CommandRule> rules_;
  Allowed allowed_;
  bool all_keys_ = false;
  std::vector<KeyPattern> keys_;
  bool all_channels_ = false;
  std::vector<std::string> channels_;
};

inline constexpr std::string_view kSyntaxError = "Syntax error";

}  // namespace holdfast::access
