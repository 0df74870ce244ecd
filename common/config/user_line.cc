#include "common/config/user_line.h"

#include <algorithm>

#include "common/base/text.h"

namespace holdfast::config {

namespace {

// What a line says of the default user's rights; they start closed, as ACL files have it.
struct Rights {
  bool on = false, keys = false, channels = false, commands = false;
};

bool is_hash(std::string_view text) {
  return text.size() == 64 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

std::unexpected<Error> bad_rule(const std::string& rule, std::string_view reason) {
  return fail("Error in user declaration '{}': {}", rule, reason);
}

Result<> apply_rule(const std::string& rule, DefaultUser& user, Rights& rights) {
  const std::string word = to_lower(rule);
  if (word == "on") {
    rights.on = true;
  } else if (word == "off") {
    rights.on = false;
  } else if (word == "nopass") {
    user = {};
  } else if (word == "resetpass" || word == "sanitize-payload" || word == "skip-sanitize-payload") {
    // Nothing to keep: the line begins without passwords.
  } else if (word == "allkeys" || word == "~*") {
    rights.keys = true;
  } else if (word == "allchannels" || word == "&*") {
    rights.channels = true;
  } else if (word == "allcommands" || word == "+@all") {
    rights.commands = true;
  } else if (rule[0] == '>') {
    user.passwords.push_back(rule.substr(1));
  } else if (rule[0] == '#') {
    if (!is_hash(std::string_view(rule).substr(1))) {
      return bad_rule(rule, "The password hash must be exactly 64 characters and contain only lowercase hexadecimal "
                            "characters");
    }
    user.password_hashes.push_back(rule.substr(1));
  } else if (std::string_view("~%&+-<!(").find(rule[0]) != std::string_view::npos || word == "nocommands" ||
             word == "reset" || word == "resetkeys" || word == "resetchannels" || word == "clearselectors") {
    return fail("ACL rules that restrict a user are not supported by this build: '{}'", rule);
  } else {
    return bad_rule(rule, "Syntax error");
  }
  return {};
}

}  // namespace

Result<> read_user_line(const Words& words, DefaultUser& user) {
  if (words.empty()) return fail("Bad directive or wrong number of arguments");
  if (words[0] != "default") {
    return fail("Users other than 'default' are not supported by this build");
  }
  DefaultUser read;
  Rights rights;
  for (size_t i = 1; i < words.size(); ++i) {
    if (words[i].empty()) return bad_rule("", "Syntax error");
    if (auto applied = apply_rule(words[i], read, rights); !applied) return applied;
  }
  if (!rights.on || !rights.keys || !rights.channels || !rights.commands) {
    return fail("The default user must have all rights (on ~* &* +@all): ACLs are not supported by this build");
  }
  user = std::move(read);
  return {};
}

}  // namespace holdfast::config
