// All users of a server: by name, from the `user` lines of a conf file or from an ACL file. The default user is always
// there. Sessions share their user, so that a change holds for them at once. Executor thread only.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/access/user.h"

namespace holdfast::access {

inline constexpr std::string_view kDefaultUser = "default";

using Words = std::vector<std::string>;  // of a user's line, without the word "user"

class Users {
 public:
  using Table = std::map<std::string, std::shared_ptr<User>, std::less<>>;

  Users();

  // Before any rule: the commands that rules speak of. It outlives the users.
  void use_catalog(const Catalog& catalog);
  const Catalog& catalog() const { return *catalog_; }
  // acl-pubsub-default: may new users use all channels?
  void set_channels_by_default(bool all) { all_channels_ = all; }

  const Table& table() const { return users_; }
  const std::shared_ptr<User>& default_user() const { return default_; }
  std::shared_ptr<User> find(std::string_view name) const;  // null: nobody

  // requirepass: the default user's only password; "" = nopass.
  void set_default_password(std::string_view password);
  // Null: a wrong password, nobody of this name, or one that is off. Takes the same time for a wrong password.
  std::shared_ptr<User> authenticate(std::string_view name, std::string_view password) const;
  // Every client may do without AUTH.
  bool open_to_all() const { return default_->on() && default_->nopass(); }

  // ACL SETUSER: all rules or none. The error is the reply.
  Result<> set(std::string_view name, std::span<const std::string_view> rules);
  bool remove(std::string_view name);  // not the default user

  // The lines of a conf file, which were checked by check_user_line. The error is what the log says.
  Result<> load_lines(std::span<const Words> lines);
  // A whole ACL file in place of all users, or none of it. `path` is for the error's text.
  Result<> load_text(std::string_view text, const std::string& path);
  // All users as an ACL file.
  std::string text() const;

 private:
  User fresh(std::string_view name) const;

  const Catalog* catalog_ = nullptr;
  bool all_channels_ = false;
  std::shared_ptr<User> default_;
  Table users_;
};

// What can be said of a conf file's `user` line without knowing the commands; `before` are the lines before it. Errors in
// Redis's words.
Result<> check_user_line(const Words& line, std::span<const Words> before);

}  // namespace holdfast::access
