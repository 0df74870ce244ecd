#include "common/server/acl_file.h"

#include <cstring>

#include "common/log/log.h"

namespace holdfast::server {

Result<> AclFile::load(access::Users& users) const {
  const auto text = read_whole_file(fs_, path_);
  if (!text) {
    const int code = text.error().code;
    return fail("Error loading ACLs, opening file '{}': {}", path_,
                code != 0 ? std::strerror(code) : text.error().text.c_str());
  }
  return users.load_text(*text, path_);
}

Result<> AclFile::save(const access::Users& users) const { return atomic_replace(fs_, path_, users.text()); }

Result<> load_users(access::Users& users, std::span<const access::Words> lines, const AclFile& file,
                    std::string_view password) {
  if (!lines.empty() && file.configured()) {
    return fail(
        "Configuring Redis with users defined in redis.conf and at the same setting an ACL file path is invalid. This "
        "setup is very likely to lead to configuration errors and security holes, please define either an ACL file or "
        "declare users directly in your redis.conf, but not both.");
  }
  if (!password.empty()) users.set_default_password(password);
  if (file.configured()) {
    if (auto done = file.load(users); !done)
      return fail("Aborting Redis startup because of ACL errors: {}", done.error().text);
    return {};
  }
  if (auto done = users.load_lines(lines); !done) {
    log::warning("{}", done.error().text);
    return fail("Critical error while loading ACLs. Exiting.");
  }
  return {};
}

}  // namespace holdfast::server
