#include "node/io/config_driver.h"

#include "common/log/log.h"

namespace holdfast::node {

void ConfigDriver::follow_role() const {
  options_.replicaof.reset();
  if (replication_->is_replica()) options_.replicaof = replication_->primary();
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
  auto rewritten = config::rewrite_config_file(fs_, config_file_, registry_, scope);
  if (rewritten) {
    log::notice("CONFIG REWRITE executed with success.");
  } else {
    log::warning("CONFIG REWRITE failed: {}", rewritten.error().text);
  }
  return rewritten;
}

}  // namespace holdfast::node
