// CONFIG GET, SET and REWRITE on the live node: the registry, and what must happen when an option changes.
//
// Executor thread only.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "common/config/registry.h"
#include "common/config/rewriter.h"
#include "common/fs/file_system.h"
#include "node/commands/node.h"
#include "node/commands/process_control.h"
#include "node/options/node_options.h"
#include "node/replication/replication.h"

namespace holdfast::node {

class ConfigDriver final : public ConfigControl {
 public:
  // `config_file` "" = started without one.
  ConfigDriver(FileSystem& fs, config::Registry& registry, NodeOptions& options, std::string config_file)
      : fs_(fs), registry_(registry), options_(options), config_file_(std::move(config_file)) {}

  // Before the first request.
  void attach(const Replication& replication, Node& node) { replication_ = &replication, node_ = &node; }

  std::vector<std::pair<std::string, std::string>> get(std::span<const std::string_view> globs) const override;
  Result<> set(std::span<const std::string_view> pairs, bool local_client) override;
  Result<> rewrite() override { return rewrite(config::RewriteScope::changed); }
  Result<> rewrite_all() override { return rewrite(config::RewriteScope::all); }

 private:
  // REPLICAOF changes what `replicaof` says, for GET and REWRITE.
  void follow_role() const;
  Result<> rewrite(config::RewriteScope scope);
  // The same for ACL SETUSER and DELUSER and the `user` lines.
  void follow_users();
  const std::set<std::string>& users_elsewhere();

  FileSystem& fs_;
  config::Registry& registry_;
  NodeOptions& options_;
  const std::string config_file_;
  const Replication* replication_ = nullptr;
  Node* node_ = nullptr;
  std::optional<std::set<std::string>> users_elsewhere_;
};

}  // namespace holdfast::node
