#include "common/command/command_replies.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace holdfast::command {

namespace {

// A name as COMMAND's subcommands take it: "get" or "config|get".
const CommandInfo* find(const Commands& commands, std::string_view name) {
  const size_t bar = name.find('|');
  for (const CommandInfo* info : commands) {
    if (!iequals(info->name, name.substr(0, bar))) continue;
    if (bar == std::string_view::npos) return info;
    for (const CommandInfo* child : info->subcommands) {
      if (iequals(child->name, name)) return child;
    }
    return nullptr;
  }
  return nullptr;
}

void write_begin_search(const KeyRange& range, resp::Writer& reply) {
  reply.bulk("begin_search");
  reply.map(2);
  reply.bulk("type");
  if (range.find == KeyRange::Find::unknown) {
    reply.bulk("unknown");
    reply.bulk("spec");
    return reply.map(0);
  }
  if (range.keyword.empty()) {
    reply.bulk("index");
    reply.bulk("spec");
    reply.map(1);
    reply.bulk("index");
  } else {
    reply.bulk("keyword");
    reply.bulk("spec");
    reply.map(2);
    reply.bulk("keyword");
    reply.bulk(range.keyword);
    reply.bulk("startfrom");
  }
  reply.integer(range.first);
}

void write_find_keys(const KeyRange& range, resp::Writer& reply) {
  const auto part = [&](std::string_view name, int64_t number) {
    reply.bulk(name);
    reply.integer(number);
  };
  reply.bulk("find_keys");
  reply.map(2);
  reply.bulk("type");
  switch (range.find) {
    case KeyRange::Find::unknown:
      reply.bulk("unknown");
      reply.bulk("spec");
      return reply.map(0);
    case KeyRange::Find::counted:
      reply.bulk("keynum");
      reply.bulk("spec");
      reply.map(3);
      part("keynumidx", 0);
      part("firstkey", 1);
      return part("keystep", 1);
    case KeyRange::Find::range:
      reply.bulk("range");
      reply.bulk("spec");
      reply.map(3);
      // Behind a keyword `last` counts from there.
      part("lastkey", range.last < 0 || !range.keyword.empty() ? range.last : range.last - range.first);
      part("keystep", range.step);
      part("limit", range.limit);
  }
}

void write_key_range(const KeyRange& range, std::string_view notes, resp::Writer& reply) {
  reply.map(notes.empty() ? 3 : 4);
  if (!notes.empty()) {
    reply.bulk("notes");
    reply.bulk(notes);
  }
  reply.bulk("flags");
  const auto flags = key_flag_names(range.flags);
  reply.set(flags.size());
  for (const auto& flag : flags) reply.simple(flag);
  write_begin_search(range, reply);
  write_find_keys(range, reply);
}

void write_info(const CommandInfo& info, resp::Writer& reply) {
  const CommandSpec& spec = *info.spec;
  reply.array(10);
  reply.bulk(info.name);
  reply.integer(spec.arity);
  const auto flags = flag_names(spec);
  reply.set(flags.size());
  for (const auto& flag : flags) reply.simple(flag);
  // The old way of saying where the keys are knows ranges only.
  const auto plain = [](const KeyRange& range) {
    return range.first > 0 && range.keyword.empty() && range.find == KeyRange::Find::range;
  };
  const KeyRange shown = plain(spec.keys) ? spec.keys : KeyRange{};
  reply.integer(shown.first);
  reply.integer(plain(spec.keys) && plain(spec.keys2) ? spec.keys2.last : shown.last);
  reply.integer(shown.step);
  const auto categories = category_names(spec);
  reply.set(categories.size());
  for (const auto& category : categories) reply.simple(category);
  const auto tips = spec.tips.empty() ? std::vector<std::string_view>() : split(spec.tips, ' ');
  reply.set(tips.size());
  for (const auto& tip : tips) reply.bulk(tip);
  const auto there = [](const KeyRange& range) { return range.first != 0 || range.find == KeyRange::Find::unknown; };
  const std::array ranges = {spec.keys, spec.keys2, spec.keys3};
  reply.set(static_cast<size_t>(std::ranges::count_if(ranges, there)));
  for (const KeyRange& range : ranges) {
    if (!there(range)) continue;
    write_key_range(range, &range == &ranges[0] && range.notes.empty() ? spec.key_notes : range.notes, reply);
  }
  if (info.subcommands.empty()) return reply.set(0);
  reply.array(info.subcommands.size());
  for (const CommandInfo* child : info.subcommands) write_info(*child, reply);
}

void write_docs(const CommandInfo& info, resp::Writer& reply) {
  const CommandSpec& spec = *info.spec;
  reply.bulk(info.name);
  const size_t mark = reply.begin_deferred();
  size_t fields = 0;
  const auto field = [&](std::string_view name, std::string_view text) {
    if (text.empty()) return;
    reply.bulk(name);
    reply.bulk(text);
    ++fields;
  };
  field("summary", spec.summary);
  field("since", spec.since);
  field("group", spec.group);
  field("complexity", spec.complexity);
  if (!info.subcommands.empty()) {
    reply.bulk("subcommands");
    reply.map(info.subcommands.size());
    for (const CommandInfo* child : info.subcommands) write_docs(*child, reply);
    ++fields;
  }
  reply.end_deferred_map(mark, fields);
}

bool in_category(const CommandInfo& info, std::string_view category) {
  for (const auto& name : category_names(*info.spec)) {
    if (iequals(name.substr(1), category)) return true;
  }
  return false;
}

}  // namespace

void reply_command(const Commands& commands, resp::Writer& reply) {
  reply.array(commands.size());
  for (const CommandInfo* info : commands) write_info(*info, reply);
}

void reply_command_count(const Commands& commands, resp::Writer& reply) {
  reply.integer(static_cast<int64_t>(commands.size()));
}

void reply_command_info(const Commands& commands, std::span<const std::string_view> args, resp::Writer& reply) {
  if (args.size() == 2) return reply_command(commands, reply);
  reply.array(args.size() - 2);
  for (const auto& name : args.subspan(2)) {
    if (const CommandInfo* info = find(commands, name)) {
      write_info(*info, reply);
    } else {
      reply.null();
    }
  }
}

void reply_command_docs(const Commands& commands, std::span<const std::string_view> args, resp::Writer& reply) {
  if (args.size() == 2) {
    reply.map(commands.size());
    for (const CommandInfo* info : commands) write_docs(*info, reply);
    return;
  }
  const size_t mark = reply.begin_deferred();
  size_t count = 0;
  for (const auto& name : args.subspan(2)) {
    const CommandInfo* info = find(commands, name);
    if (info == nullptr) continue;
    write_docs(*info, reply);
    ++count;
  }
  reply.end_deferred_map(mark, count);
}

void reply_command_list(const Commands& commands, std::span<const std::string_view> args, resp::Writer& reply) {
  enum class Filter { none, module, category, pattern } filter = Filter::none;
  std::string_view wanted;
  if (args.size() == 5 && iequals(args[2], "FILTERBY")) {
    wanted = args[4];
    if (iequals(args[3], "MODULE")) {
      filter = Filter::module;
    } else if (iequals(args[3], "ACLCAT")) {
      filter = Filter::category;
    } else if (iequals(args[3], "PATTERN")) {
      filter = Filter::pattern;
    } else {
      return reply.error("ERR syntax error");
    }
  } else if (args.size() != 2) {
    return reply.error("ERR syntax error");
  }
  const size_t mark = reply.begin_deferred();
  size_t count = 0;
  const auto consider = [&](const CommandInfo& info) {
    if (filter == Filter::module) return;
    if (filter == Filter::category && !in_category(info, wanted)) return;
    if (filter == Filter::pattern && !glob_match(wanted, info.name, true)) return;
    reply.bulk(info.name);
    ++count;
  };
  for (const CommandInfo* info : commands) {
    consider(*info);
    for (const CommandInfo* child : info->subcommands) consider(*child);
  }
  // As Redis 7.0: a set only of all names.
  filter == Filter::none ? reply.end_deferred_set(mark, count) : reply.end_deferred_array(mark, count);
}

void reply_command_getkeys(const Commands& commands, std::span<const std::string_view> args, bool with_flags,
                           resp::Writer& reply) {
  const auto request = args.subspan(2);
  const CommandInfo* info = find(commands, request[0]);
  if (info == nullptr) return reply.error("ERR Invalid command specified");
  if (!info->subcommands.empty() && request.size() > 1) {
    for (const CommandInfo* child : info->subcommands) {
      if (iequals(child->spec->name, request[1])) info = child;
    }
  }
  const CommandSpec& spec = *info->spec;
  if (spec.keys.first == 0 && spec.find_keys == nullptr) return reply.error("ERR The command has no key arguments");
  if (!spec.arity_fits(request.size())) return reply.error("ERR Invalid number of arguments specified for command");
  const auto positions = key_positions(spec, request);
  if (positions.empty() && !spec.has(kNoMandatoryKeys)) {
    return reply.error("ERR Invalid arguments specified for command");
  }
  reply.array(positions.size());
  for (const int at : positions) {
    const auto key = request[static_cast<size_t>(at)];
    if (!with_flags) {
      reply.bulk(key);
      continue;
    }
    reply.array(2);
    reply.bulk(key);
    const auto flags = key_flag_names(flags_of_key(spec, request, at, at != positions.front()));
    reply.set(flags.size());
    for (const auto& flag : flags) reply.simple(flag);
  }
}

void reply_help(std::string_view container, std::span<const std::string_view> lines, resp::Writer& reply) {
  reply.array(lines.size() + 3);
  reply.simple(fmt::format("{} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:", to_upper(container)));
  for (const auto& line : lines) reply.simple(line);
  reply.simple("HELP");
  reply.simple("    Prints this help.");
}

namespace {

// Redis's error texts end a word where its first zero byte is, and after 128 characters.
std::string_view shown_word(std::string_view word, size_t most = 128) {
  return word.substr(0, std::min(most, word.find('\0')));
}

}  // namespace

std::string unknown_command_error(std::span<const std::string_view> args) {
  // As Redis: at most 128 characters of the name and of the arguments each.
  std::string shown;
  for (const auto& argument : args.subspan(1)) {
    if (shown.size() >= 128) break;
    shown += fmt::format("'{}' ", shown_word(argument, 128 - shown.size()));
  }
  return fmt::format("ERR unknown command '{}', with args beginning with: {}", shown_word(args[0]), shown);
}

std::string unknown_subcommand_error(std::string_view container, std::string_view subcommand) {
  return fmt::format("ERR unknown subcommand '{}'. Try {} HELP.", shown_word(subcommand), to_upper(container));
}

std::string wrong_subcommand_error(std::string_view container, std::string_view subcommand) {
  return fmt::format("ERR unknown subcommand or wrong number of arguments for '{}'. Try {} HELP.",
                     shown_word(subcommand), to_upper(container));
}

std::string wrong_arity_error(std::string_view full_name) {
  return fmt::format("ERR wrong number of arguments for '{}' command", full_name);
}

}  // namespace holdfast::command
