#include "common/access/catalog.h"

#include "common/base/assert.h"
#include "common/base/text.h"

namespace holdfast::access {

Catalog::Catalog(const std::vector<command::CommandInfo*>& commands) {
  for (const std::string_view name : categories()) by_category_[name];
  for (const command::CommandInfo* info : commands) add(*info, nullptr);
}

const Catalog::Command& Catalog::add(const command::CommandInfo& info, const Command* container) {
  Command& command = commands_.emplace_back();
  command.name = container == nullptr ? std::string(info.spec->name) : container->name + "|" + std::string(info.spec->name);
  command.spec = info.spec;
  command.id = info.id;
  command.container = container;
  if (by_id_.size() <= static_cast<size_t>(info.id)) by_id_.resize(static_cast<size_t>(info.id) + 1);
  by_id_[static_cast<size_t>(info.id)] = &command;
  HOLDFAST_ASSERT(by_name_.emplace(command.name, &command).second);
  for (const std::string_view category : command::category_names(*info.spec)) {
    by_category_.at(category.substr(1)).push_back(&command);
  }
  for (const command::CommandInfo* child : info.subcommands) command.subcommands.push_back(&add(*child, &command));
  return command;
}

const Catalog::Command* Catalog::find(std::string_view name) const {
  const auto found = by_name_.find(to_lower(name));
  return found == by_name_.end() ? nullptr : found->second;
}

const std::vector<const Catalog::Command*>* Catalog::category(std::string_view name) const {
  const auto found = by_category_.find(to_lower(name));
  return found == by_category_.end() ? nullptr : &found->second;
}

const std::vector<std::string_view>& Catalog::categories() {
  static const std::vector<std::string_view> kNames = {
      "keyspace", "read", "write",  "set",   "sortedset", "list",     "hash",      "string",     "bitmap",      "hyperloglog", "geo",
      "stream",   "pubsub", "admin", "fast", "slow",      "blocking", "dangerous", "connection", "transaction", "scripting"};
  return kNames;
}

}  // namespace holdfast::access
