// The `user` lines of a conf file, as far as this build has users: the default one, with full rights.
//
// A line that would restrict anybody is refused, since reading it and not obeying it would open what it closes. Pure.
// Rules and error texts: Redis's documentation of ACL SETUSER.
#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/config/tokenizer.h"

namespace holdfast::config {

// How the default user authenticates, besides requirepass.
struct DefaultUser {
  std::vector<std::string> passwords;        // `>password`
  std::vector<std::string> password_hashes;  // `#` + SHA-256 as 64 lower-case hexadecimal digits
};

// Applies one line (without the word "user") to `user`.
Result<> read_user_line(const Words& words, DefaultUser& user);

}  // namespace holdfast::config
