// The commands a binary answers, found by name without regard to case. Built once at start; start-up aborts on a
// duplicate name or a bad key range, since both are errors of ours. Executor thread only.
#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/assert.h"
#include "common/base/text.h"
#include "common/command/command_spec.h"

namespace holdfast::command {

// Counters that INFO commandstats shows; one for each command and subcommand.
struct CommandStats {
  uint64_t calls = 0;
  uint64_t microseconds = 0;
  uint64_t rejected = 0;
  uint64_t failed = 0;
};

// The part of an entry that does not depend on the handlers' context: what COMMAND shows and INFO counts.
struct CommandInfo {
  std::string name;       // current name, after rename-command; of a subcommand "config|get"
  const CommandSpec* spec = nullptr;
  int id = 0;             // dense, for per-command arrays
  std::vector<CommandInfo*> subcommands;
  CommandStats stats;
};

template <class Context>
class CommandTable {
 public:
  using Row = CommandRow<Context>;

  struct Entry : CommandInfo {
    void (*handler)(Context&) = nullptr;
    std::vector<std::unique_ptr<Entry>> children;

    // The subcommand named so, or null.
    Entry* find_child(std::string_view child) const {
      for (const auto& entry : children) {
        if (iequals(entry->spec->name, child)) return entry.get();
      }
      return nullptr;
    }
  };

  void add(std::span<const Row> rows) {
    for (const Row& row : rows) {
      HOLDFAST_ASSERT(find(row.spec.name) == nullptr);
      entries_.push_back(make(row, ""));
    }
    rebuild();
  }

  // Null when there is none.
  Entry* find(std::string_view name) const {
    if (slots_.empty() || name.empty() || name.size() > kMaxName) return nullptr;
    const uint64_t word = fold(name);
    for (size_t at = hash(word, name.size()) & mask_;; at = (at + 1) & mask_) {
      const Slot& slot = slots_[at];
      if (slot.entry == nullptr) return nullptr;
      if (slot.word != word || slot.entry->name.size() != name.size()) continue;
      if (slot.word_decides || iequals(slot.entry->name, name)) return slot.entry;
    }
  }

  // rename-command: "" removes the command. False when `from` does not exist or `to` does.
  bool rename(std::string_view from, std::string_view to) {
    Entry* entry = find(from);
    if (entry == nullptr || (!to.empty() && find(to) != nullptr)) return false;
    if (to.empty()) {
      std::erase_if(entries_, [&](const auto& owned) { return owned.get() == entry; });
    } else {
      entry->name = to_lower(to);
      for (auto& child : entry->children) child->name = entry->name + "|" + std::string(child->spec->name);
    }
    rebuild();
    return true;
  }

  // Top-level commands in the order they were added.
  const std::vector<CommandInfo*>& commands() const { return infos_; }
  int id_count() const { return next_id_; }

 private:
  static constexpr size_t kMaxName = 64;

  struct Slot {
    uint64_t word = 0;  // fold() of the name
    Entry* entry = nullptr;
    bool word_decides = false;  // same word and length: the same name
  };

  // The first four and the last four of up to eight bytes, in lower case if they are letters.
  static uint64_t fold(std::string_view name) {
    const size_t size = std::min<size_t>(name.size(), 8);
    const auto at = [&](size_t i) { return uint64_t{static_cast<unsigned char>(name[i])}; };
    uint64_t word;
    if (size >= 4) {
      uint32_t first, last;
      std::memcpy(&first, name.data(), 4);
      std::memcpy(&last, name.data() + size - 4, 4);
      word = first | uint64_t{last} << 32;
    } else {
      word = at(0) | at(size / 2) << 8 | at(size - 1) << 16;
    }
    return word | 0x2020'2020'2020'2020;
  }
  static size_t hash(uint64_t word, size_t size) {
    const uint64_t product = (word + size) * 0x9e37'79b9'7f4a'7c15;
    return static_cast<size_t>(product ^ product >> 32);
  }

  std::unique_ptr<Entry> make(const Row& row, const std::string& container) {
    auto entry = std::make_unique<Entry>();
    entry->name = container.empty() ? std::string(row.spec.name) : container + "|" + std::string(row.spec.name);
    entry->spec = &row.spec;
    entry->id = next_id_++;
    entry->handler = row.handler;
    HOLDFAST_ASSERT(row.spec.arity != 0);
    HOLDFAST_ASSERT(row.spec.keys.first == 0 || row.spec.keys.step > 0);
    for (const Row& child : row.subcommands) {
      HOLDFAST_ASSERT(child.handler != nullptr && entry->find_child(child.spec.name) == nullptr);
      entry->children.push_back(make(child, entry->name));
      entry->subcommands.push_back(entry->children.back().get());
    }
    HOLDFAST_ASSERT(entry->handler != nullptr || !entry->children.empty());
    return entry;
  }

  void rebuild() {
    size_t size = 16;
    while (size < entries_.size() * 4) size *= 2;
    slots_.assign(size, {});
    mask_ = size - 1;
    infos_.clear();
    for (const auto& entry : entries_) {
      infos_.push_back(entry.get());
      const uint64_t word = fold(entry->name);
      size_t at = hash(word, entry->name.size()) & mask_;
      while (slots_[at].entry != nullptr) at = (at + 1) & mask_;
      const bool letters = std::ranges::all_of(entry->name, [](char c) { return c >= 'a' && c <= 'z'; });
      slots_[at] = {word, entry.get(), letters && entry->name.size() <= 8};
    }
  }

  std::vector<std::unique_ptr<Entry>> entries_;
  std::vector<CommandInfo*> infos_;
  std::vector<Slot> slots_;
  size_t mask_ = 0;
  int next_id_ = 0;
};

}  // namespace holdfast::command
