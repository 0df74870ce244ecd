// The `aclfile`: where ACL LOAD reads the users from and ACL SAVE writes them to. Executor thread only.
#pragma once

#include <string>

#include "common/access/users.h"
#include "common/fs/file_system.h"

namespace holdfast::server {

class AclFile {
 public:
  // "" for none.
  AclFile(FileSystem& fs, std::string path) : fs_(fs), path_(std::move(path)) {}

  bool configured() const { return !path_.empty(); }
  // All users of the file in place of those there are. The error, in Redis's words: none was changed.
  Result<> load(access::Users& users) const;
  Result<> save(const access::Users& users) const;

 private:
  FileSystem& fs_;
  const std::string path_;
};

// How a server starts with its users: from its `user` lines or its ACL file, not from both. `password` is requirepass. The
// error is what the log says before the end.
Result<> load_users(access::Users& users, std::span<const access::Words> lines, const AclFile& file,
                    std::string_view password);

}  // namespace holdfast::server
