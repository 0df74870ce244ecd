// The commands that access rules speak of, by the names they were made with: rename-command changes what clients type,
// not what rules say. A copy of a binary's table of commands. Constant once made; safe from any thread then.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/command/command_table.h"

namespace holdfast::access {

// A set of commands and subcommands, by CommandInfo::id.
class CommandSet {
 public:
  CommandSet() = default;
  explicit CommandSet(size_t ids) : words_((ids + 63) / 64) {}

  bool has(int id) const { return (words_[static_cast<size_t>(id) / 64] >> (id % 64) & 1) != 0; }
  void put(int id, bool present) {
    uint64_t& word = words_[static_cast<size_t>(id) / 64];
    const uint64_t bit = uint64_t{1} << (id % 64);
    word = present ? word | bit : word & ~bit;
  }
  bool operator==(const CommandSet&) const = default;

 private:
  std::vector<uint64_t> words_;
};

class Catalog {
 public:
  struct Command {
    std::string name;  // "get", "config|get"
    const command::CommandSpec* spec = nullptr;
    int id = 0;
    std::vector<const Command*> subcommands;
    const Command* container = nullptr;
  };

  explicit Catalog(const std::vector<command::CommandInfo*>& commands);
  Catalog(const Catalog&) = delete;
  Catalog& operator=(const Catalog&) = delete;

  // By full name in any case; null when there is none.
  const Command* find(std::string_view name) const;
  // Commands and subcommands, each container before its own.
  const std::deque<Command>& commands() const { return commands_; }
  const Command& of(int id) const { return *by_id_[static_cast<size_t>(id)]; }
  size_t id_count() const { return by_id_.size(); }

  // Category names without '@', in Redis's order.
  static const std::vector<std::string_view>& categories();
  // The members of a category, in any case; null when there is no such category.
  const std::vector<const Command*>* category(std::string_view name) const;

 private:
  const Command& add(const command::CommandInfo& info, const Command* container);

  std::deque<Command> commands_;
  std::vector<const Command*> by_id_;
  std::unordered_map<std::string, const Command*> by_name_;
  std::unordered_map<std::string_view, std::vector<const Command*>> by_category_;
};

}  // namespace holdfast::access
