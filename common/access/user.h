// One user: passwords, whether it may log in, and what it may do. Rules, their errors and how a user is shown: Redis's
// documentation of ACL SETUSER and ACL LIST. Not thread-safe.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/access/selector.h"

namespace holdfast::access {

class User {
 public:
  enum class Sanitize : uint8_t { unsaid, yes, no };  // payloads of RESTORE; kept, and shown

  // As ACL SETUSER begins: off, without passwords and permissions.
  User(std::string name, const Catalog* catalog, bool all_channels);
  // As the default user is before anything is configured: on, nopass, everything.
  static User open(std::string name, const Catalog* catalog);

  // What `reset` and new selectors begin with.
  void set_channels_by_default(bool all) { all_channels_ = all; }
  // One rule; the error is the reason in Redis's words, and nothing is changed.
  Result<> apply(std::string_view rule);

  bool accepts(std::string_view password) const;  // does not look at on()
  Verdict check(const Catalog::Command& command, std::span<const std::string_view> args) const;
  bool may_listen(std::string_view channel, bool literal) const;

  const std::string& name() const { return name_; }
  bool on() const { return on_; }
  bool nopass() const { return nopass_; }
  // Nothing to be checked for any request.
  bool unrestricted() const { return unrestricted_; }
  const std::vector<std::string>& passwords() const { return passwords_; }  // hashes
  // The first are the user's own permissions, not in parentheses.
  const std::vector<Selector>& selectors() const { return selectors_; }
  std::vector<std::string_view> flags() const;  // as ACL GETUSER has them
  std::vector<std::string> words() const;       // a line of a conf file, without "user": a selector is one word
  std::string text() const;                     // the same as one text: "alice on nopass ~* &* +@all"
  bool operator==(const User&) const = default;

 private:
  bool apply_word(const std::string& word);  // false: it is no rule of these
  Result<> apply_password(std::string_view rule);
  Result<> add_selector(std::string_view rule);
  void reset();

  std::string name_;
  const Catalog* catalog_;
  bool all_channels_;
  bool on_ = false;
  bool nopass_ = false;
  bool unrestricted_ = false;
  Sanitize sanitize_ = Sanitize::unsaid;
  std::vector<std::string> passwords_;
  std::vector<Selector> selectors_;
};

// Joins the words of selectors, "(+get" "~a)" to "(+get ~a)". The error is the word that opens one which nothing closes.
Result<std::vector<std::string>> join_selectors(std::span<const std::string_view> words);

}  // namespace holdfast::access
