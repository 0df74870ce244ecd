#include "node/io/config_driver.h"

#include "common/base/text.h"
#include "common/config/directives.h"
#include "common/log/log.h"

namespace holdfast::node {

void ConfigDriver::follow_role() const {
  options_.replicaof.reset();
  if (replication_->is_replica()) options_.replicaof = replication_->primary();
}

// Users that the node started with and that are not in its conf file: in included ones, or on the command line. Written
// into the file they would be there twice, which the next start refuses.
const std::set<std::string>& ConfigDriver::users_elsewhere() {
  if (users_elsewhere_) return *users_elsewhere_;
  users_elsewhere_.emplace();
  for (const config::Words& words : options_.users) users_elsewhere_->insert(words[0]);
  const auto text = read_whole_file(fs_, config_file_).value_or("");
  for (const std::string_view line : config::split_lines(text)) {
    const auto words = config::split_words(trim(line)).value_or(config::Words{});
    if (words.size() > 1 && iequals(words[0], "user")) users_elsewhere_->erase(words[1]);
  }
  return *users_elsewhere_;
}

// What the conf file says of users: nothing where they have a file of their own; the default user only where it is not
// what the other options make of it.
void ConfigDriver::follow_users() {
  if (!options_.aclfile.empty()) return;
  const access::Users& users = node_->server().users;
  const auto& elsewhere = users_elsewhere();
  access::User unchanged = access::User::open(std::string(access::kDefaultUser), &users.catalog());
  if (!options_.requirepass.empty()) (void)unchanged.apply(">" + options_.requirepass);
  options_.users.clear();
  for (const auto& [name, user] : users.table()) {
    if (elsewhere.contains(name) || *user == unchanged) continue;
    options_.users.push_back(user->words());
  }
}

std::vector<std::pair<std::string, std::string>> ConfigDriver::get(std::span<const std::string_view> globs) const {
  follow_role();
  const std::vector<std::string> patterns(globs.begin(), globs.end());
  return registry_.get(patterns);
}

Result<> ConfigDriver::set(std::span<const std::string_view> pairs, bool local_client) {
  std::vector<std::pair<std::string, std::string>> values;
  for (size_t i = 0; i + 1 < pairs.size(); i += 2) values.emplace_back(pairs[i], pairs[i + 1]);
  return registry_.set(values, config::allowed(options_.enable_protected_configs, local_client),
                       node_->loading().has_value());
}

Result<> ConfigDriver::rewrite(config::RewriteScope scope) {
  follow_role();
  follow_users();
  auto rewritten = config::rewrite_config_file(fs_, config_file_, registry_, scope);
  if (rewritten) {
    log::notice("CONFIG REWRITE executed with success.");
  } else {
    log::warning("CONFIG REWRITE failed: {}", rewritten.error().text);
  }
  return rewritten;
}

}  // namespace holdfast::node
