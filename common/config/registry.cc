#include "common/config/registry.h"

#include <algorithm>
#include <unordered_set>

#include "common/base/assert.h"
#include "common/base/text.h"

namespace holdfast::config {

namespace {

bool is_glob(std::string_view pattern) { return pattern.find_first_of("[*?") != std::string_view::npos; }

size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
    }
  }
  return row[b.size()];
}

std::unexpected<Error> set_failed(std::string_view name, std::string_view reason) {
  return fail("ERR CONFIG SET failed (possibly related to argument '{}') - {}", name, reason);
}

}  // namespace

bool Registry::same_name(std::string_view a, std::string_view b) { return iequals(a, b); }

Option& Registry::add(std::unique_ptr<Option> option) {
  options_.push_back(std::move(option));
  return *options_.back();
}

Option& Registry::boolean(std::string name, bool& field, Flags flags, std::string help) {
  return custom<bool>(std::move(name), field,
                      {.parse = [](bool& value, const Words& words, size_t) -> Result<> {
                         const auto parsed = parse_yes_no(words[0]);
                         if (!parsed) return std::unexpected(parsed.error());
                         value = *parsed;
                         return {};
                       },
                       .get = [](const bool& value) { return std::string(value ? "yes" : "no"); }},
                      flags, std::move(help));
}

Option& Registry::text(std::string name, std::string& field, Flags flags, std::string help,
                       std::function<Result<>(const std::string&)> validator) {
  return custom<std::string>(
      std::move(name), field,
      {.parse = [validator = std::move(validator)](std::string& value, const Words& words, size_t) -> Result<> {
         if (validator) {
           if (auto valid = validator(words[0]); !valid) return valid;
         }
         value = words[0];
         return {};
       },
       .get = [](const std::string& value) { return value; }},
      flags, std::move(help));
}

Option& Registry::memory(std::string name, uint64_t& field, uint64_t min, uint64_t max, Flags flags, std::string help) {
  return custom<uint64_t>(
      std::move(name), field,
      {.parse = [min, max](uint64_t& value, const Words& words, size_t) -> Result<> {
         const auto parsed = parse_memory_in(words[0], min, max);
         if (!parsed) return std::unexpected(parsed.error());
         value = *parsed;
         return {};
       },
       .get = [](const uint64_t& value) { return fmt::format("{}", value); },
       .lines = [](const uint64_t& value) { return std::vector<Option::Line>{{{format_memory_unit(value)}}}; }},
      flags, std::move(help));
}

Option& Registry::memory_or_percent(std::string name, MemoryOrPercent& field, Flags flags, std::string help) {
  const auto show = [](const MemoryOrPercent& value) {
    return fmt::format("{}{}", value.value, value.percent ? "%" : "");
  };
  return custom<MemoryOrPercent>(
      std::move(name), field,
      {.parse = [](MemoryOrPercent& value, const Words& words, size_t) -> Result<> {
         const auto parsed = parse_memory_or_percent(words[0]);
         if (!parsed) return std::unexpected(parsed.error());
         value = *parsed;
         return {};
       },
       .get = show,
       .lines =
           [show](const MemoryOrPercent& value) {
             return std::vector<Option::Line>{{{value.percent ? show(value) : format_memory_unit(value.value)}}};
           }},
      flags, std::move(help));
}

Option& Registry::octal(std::string name, unsigned& field, unsigned max, Flags flags, std::string help) {
  return custom<unsigned>(std::move(name), field,
                          {.parse = [max](unsigned& value, const Words& words, size_t) -> Result<> {
                             const auto parsed = parse_octal(words[0], max);
                             if (!parsed) return std::unexpected(parsed.error());
                             value = *parsed;
                             return {};
                           },
                           .get = [](const unsigned& value) { return fmt::format("{:o}", value); }},
                          flags, std::move(help));
}

Option& Registry::refuse(std::string name, std::string reason) {
  return custom<std::monostate>(
      std::move(name), nothing_,
      {.parse = [reason](std::monostate&, const Words&, size_t) { return Result<>(fail("{}", reason)); },
       .get = [](const std::monostate&) { return std::string(); },
       .lines = [](const std::monostate&) { return std::vector<Option::Line>(); }},
      kNoCommand | kPreserve | kHidden | kRaw, reason);
}

Option& Registry::accept(std::string name, Flags flags, std::string help) {
  return custom<std::monostate>(std::move(name), nothing_,
                                {.parse = [](std::monostate&, const Words& words, size_t) -> Result<> {
                                   if (words.empty()) return fail("wrong number of arguments");
                                   return {};
                                 },
                                 .get = [](const std::monostate&) { return std::string(); },
                                 .lines = [](const std::monostate&) { return std::vector<Option::Line>(); }},
                                flags | kNoCommand | kPreserve | kHidden | kRaw, std::move(help));
}

void Registry::check_rows() const {
  std::unordered_set<std::string> seen;
  for (const auto& option : options_) {
    HOLDFAST_ASSERT(option->name() == to_lower(option->name()));
    HOLDFAST_ASSERT(seen.insert(option->name()).second);
    for (const std::string& alias : option->aliases()) HOLDFAST_ASSERT(seen.insert(alias).second);
  }
}

Option* Registry::find(std::string_view name) const {
  if (indexed_ != options_.size()) {
    by_name_.clear();
    for (const auto& option : options_) {
      by_name_.emplace(option->name(), option.get());
      for (const std::string& alias : option->aliases()) by_name_.emplace(alias, option.get());
    }
    indexed_ = options_.size();
  }
  const auto found = by_name_.find(to_lower(name));
  return found == by_name_.end() ? nullptr : found->second;
}

std::optional<std::string> Registry::did_you_mean(std::string_view name) const {
  const std::string wanted = to_lower(name.substr(0, 100));
  size_t best = std::max<size_t>(1, wanted.size() / 3) + 1;
  std::optional<std::string> nearest;
  const auto consider = [&](const std::string& candidate) {
    const size_t distance = edit_distance(wanted, candidate);
    if (distance < best) {
      best = distance;
      nearest = candidate;
    }
  };
  for (const auto& option : options_) {
    if (option->has(kHidden)) continue;
    consider(option->name());
    for (const std::string& alias : option->aliases()) consider(alias);
  }
  return nearest;
}

std::vector<std::pair<std::string, std::string>> Registry::get(std::span<const std::string> patterns) const {
  std::vector<std::pair<std::string, std::string>> found;
  std::unordered_set<std::string> seen;
  const auto take = [&](const std::string& shown, const Option& option) {
    if (seen.insert(to_lower(shown)).second) found.emplace_back(shown, option.get());
  };
  for (const std::string& pattern : patterns) {
    if (!is_glob(pattern)) {
      const Option* option = find(pattern);
      if (option != nullptr && !option->has(kNoCommand)) take(pattern, *option);
      continue;
    }
    for (const auto& option : options_) {
      if (option->has(kNoCommand) || option->has(kHidden)) continue;
      if (glob_match(pattern, option->name(), true)) take(option->name(), *option);
      for (const std::string& alias : option->aliases()) {
        if (option->has(kQuietAliases)) break;
        if (glob_match(pattern, alias, true)) take(alias, *option);
      }
    }
  }
  return found;
}

void Registry::on_change(std::vector<std::string> names, std::function<Result<>()> apply) {
  appliers_.push_back(std::move(apply));
  for (const std::string& name : names) {
    const Option* option = find(name);
    HOLDFAST_ASSERT(option != nullptr);
    appliers_of_[option].push_back(appliers_.size() - 1);
  }
}

Result<> Registry::set(std::span<const std::pair<std::string, std::string>> pairs, bool protected_allowed,
                       bool loading) {
  auto changes = store_all(pairs, protected_allowed, loading);
  if (!changes) return std::unexpected(changes.error());
  return apply_all(*changes);
}

// Checks all pairs, then parses all; a failure restores what was stored before it.
Result<std::vector<Registry::Change>> Registry::store_all(std::span<const std::pair<std::string, std::string>> pairs,
                                                          bool protected_allowed, bool loading) {
  std::vector<Change> changes;
  std::unordered_set<std::string> seen;
  std::optional<std::unexpected<Error>> refused;
  for (const auto& [name, value] : pairs) {
    Option* option = find(name);
    if (option == nullptr || option->has(kNoCommand)) {
      return fail("ERR Unknown option or number of arguments for CONFIG SET - '{}'", name);
    }
    if (refused) continue;  // an unknown name anywhere in the command is reported first
    if (option->has(kImmutable)) {
      refused = set_failed(name, "can't set immutable config");
    } else if (option->has(kProtected) && !protected_allowed) {
      refused = set_failed(name, "can't set protected config");
    } else if (option->has(kNotWhileLoading) && loading) {
      refused = fail("LOADING Redis is loading the dataset in memory");
    } else if (!seen.insert(to_lower(name)).second) {
      refused = set_failed(name, "duplicate parameter");
    }
    changes.push_back({name, option, {}, option->get()});
  }
  if (refused) return *refused;
  for (size_t i = 0; i < changes.size(); ++i) {
    changes[i].restore = changes[i].option->saved();
    if (auto stored = changes[i].option->set(pairs[i].second); !stored) {
      auto error = set_failed(changes[i].name, stored.error().text);
      while (i-- > 0) changes[i].restore();
      return error;
    }
  }
  return changes;
}

Result<> Registry::apply_all(const std::vector<Change>& changes) {
  std::vector<size_t> called;
  for (const Change& change : changes) {
    if (change.option->get() == change.before) continue;
    const auto appliers = appliers_of_.find(change.option);
    if (appliers == appliers_of_.end()) continue;
    for (const size_t index : appliers->second) {
      if (std::ranges::find(called, index) != called.end()) continue;
      called.push_back(index);
      auto applied = appliers_[index]();
      if (applied) continue;
      for (auto undo = changes.rbegin(); undo != changes.rend(); ++undo) undo->restore();
      // The old values were in force before, so going back to them is not expected to fail; there is nothing to add to
      // the first error if it does.
      for (const size_t again : called) static_cast<void>(appliers_[again]());
      return set_failed(change.name, applied.error().text);
    }
  }
  return {};
}

}  // namespace holdfast::config
