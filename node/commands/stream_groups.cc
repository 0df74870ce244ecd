// XGROUP and XACK: the consumer groups of streams.
#include "common/command/command_replies.h"
#include "node/commands/arguments.h"
#include "node/commands/handlers.h"
#include "node/commands/node.h"
#include "node/commands/stream_arguments.h"

namespace holdfast::node::handlers {
namespace {

constexpr std::string_view kKeyRequired =
    "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option to "
    "create an empty stream automatically.";

void reply_misused(Call& call) { call.reply.error(command::wrong_subcommand_error("xgroup", call.args[1])); }

void reply_no_such_group(Call& call) {
  call.reply.error(fmt::format("NOGROUP No such consumer group '{}' for key name '{}'", call.args[3], call.args[2]));
}

struct GroupOptions {
  bool make_stream = false;
  int64_t entries_read = StreamGroup::kUnknown;
};

std::optional<GroupOptions> read_options(Call& call, bool creates) {
  GroupOptions options;
  for (size_t i = 5; i < call.argc(); ++i) {
    if (creates && iequals(call.args[i], "MKSTREAM")) {
      options.make_stream = true;
    } else if (iequals(call.args[i], "ENTRIESREAD") && i + 1 < call.argc()) {
      const auto entries = read_integer(call, call.args[++i]);
      if (!entries) return std::nullopt;
      if (*entries < 0 && *entries != StreamGroup::kUnknown) {
        call.reply.error("ERR value for ENTRIESREAD must be positive or -1");
        return std::nullopt;
      }
      options.entries_read = *entries;
    } else {
      reply_misused(call);
      return std::nullopt;
    }
  }
  return options;
}

// "$" is the stream's last ID.
std::optional<StreamId> read_group_id(Call& call, const StreamObject* stream) {
  if (call.args[4] == "$") return stream == nullptr ? StreamId() : stream->last_id();
  return read_stream_id(call, call.args[4]);
}

// The stream of a subcommand that needs one; no object: answered.
GroupPlace required_stream(Call& call, bool group_needed) {
  GroupPlace found = find_group(call, call.args[2], call.args[3]);
  if (found.wrong) return found;
  if (found.place.entry == nullptr) {
    call.reply.error(kKeyRequired);
    return found;
  }
  found.stream = static_cast<const StreamObject*>(found.place.entry->object());
  if (group_needed && found.group == nullptr) {
    reply_no_such_group(call);
    found.stream = nullptr;
  }
  return found;
}

}  // namespace

void xgroup_create(Call& call) {
  const auto options = read_options(call, true);
  if (!options) return;
  const std::string_view key = call.args[2], name = call.args[3];
  const GroupPlace found = find_group(call, key, name);
  if (found.wrong) return;
  const auto* stream = found.place.entry == nullptr ? nullptr : static_cast<const StreamObject*>(found.place.entry->object());
  if (stream == nullptr && !options->make_stream) return call.reply.error(kKeyRequired);
  const auto id = read_group_id(call, stream);
  if (!id) return;
  if (found.group != nullptr) return call.reply.error("BUSYGROUP Consumer Group name already exists");
  const auto create = [&](StreamObject& changed) -> size_t {
    changed.create_group(name, *id, options->entries_read);
    return 1;
  };
  if (stream != nullptr) {
    edit_groups(call, found.place, create);
  } else {
    edit_object<StreamObject>(call, key, IfAbsent::create, create);
  }
  call.reply.ok();
  call.notify(kNotifyStream, "xgroup-create", key);
}

void xgroup_setid(Call& call) {
  const auto options = read_options(call, false);
  if (!options) return;
  const GroupPlace found = required_stream(call, true);
  if (found.stream == nullptr) return;
  const std::string_view text = call.args[4];
  const bool edge = text == "-" || text == "+";
  const auto id = edge ? std::optional(text == "-" ? kFirstStreamId : kLastStreamId) : read_group_id(call, found.stream);
  if (!id) return;
  edit_groups(call, found.place, [&](StreamObject& stream) {
    const auto group = stream.edit_group(call.args[3]);
    group->last_id = *id;
    group->entries_read = options->entries_read;
    return 1;
  });
  call.reply.ok();
  call.notify(kNotifyStream, "xgroup-setid", call.args[2]);
}

void xgroup_destroy(Call& call) {
  const GroupPlace found = required_stream(call, false);
  if (found.stream == nullptr) return;
  if (found.group == nullptr) return call.reply.integer(0);
  edit_groups(call, found.place, [&](StreamObject& stream) { return stream.erase_group(call.args[3]) ? 1 : 0; });
  call.reply.integer(1);
  call.notify(kNotifyStream, "xgroup-destroy", call.args[2]);
  // Those who wait for the group wait in vain.
  call.node.wake_waiters(call.db(), call.args[2]);
}

void xgroup_createconsumer(Call& call) {
  const GroupPlace found = required_stream(call, true);
  if (found.stream == nullptr) return;
  if (found.group->find_consumer(call.args[4]) != nullptr) return call.reply.integer(0);
  edit_groups(call, found.place, [&](StreamObject& stream) {
    create_consumer(call, call.args[2], *stream.edit_group(call.args[3]), call.args[4]);
    return 1;
  });
  call.reply.integer(1);
}

void xgroup_delconsumer(Call& call) {
  const GroupPlace found = required_stream(call, true);
  if (found.stream == nullptr) return;
  if (found.group->find_consumer(call.args[4]) == nullptr) return call.reply.integer(0);
  size_t pending = 0;
  edit_groups(call, found.place, [&](StreamObject& stream) {
    const auto group = stream.edit_group(call.args[3]);
    pending = group->delete_consumer(*group->find_consumer(call.args[4]));
    return 1;
  });
  call.reply.integer(static_cast<int64_t>(pending));
  call.notify(kNotifyStream, "xgroup-delconsumer", call.args[2]);
}

void xgroup_help(Call& call) {
  static constexpr std::string_view kLines[] = {
      "CREATE <key> <groupname> <id|$> [option]",
      "    Create a new consumer group. Options are:",
      "    * MKSTREAM",
      "      Create the empty stream if it does not exist.",
      "    * ENTRIESREAD entries_read",
      "      Set the group's entries_read counter (internal use).",
      "CREATECONSUMER <key> <groupname> <consumer>",
      "    Create a new consumer in the specified group.",
      "DELCONSUMER <key> <groupname> <consumer>",
      "    Remove the specified consumer.",
      "DESTROY <key> <groupname>",
      "    Remove the specified group.",
      "SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]",
      "    Set the current group ID and entries_read counter.",
  };
  command::reply_help("XGROUP", kLines, call.reply);
}

void xack(Call& call) {
  const GroupPlace found = find_group(call, call.args[1], call.args[2]);
  if (found.wrong) return;
  if (found.group == nullptr) return call.reply.integer(0);
  std::vector<StreamId> ids;
  for (size_t i = 3; i < call.argc(); ++i) {
    const auto id = read_stream_id(call, call.args[i]);
    if (!id) return;
    ids.push_back(*id);
  }
  const size_t acknowledged = edit_groups(call, found.place, [&](StreamObject& stream) {
    const auto group = stream.edit_group(call.args[2]);
    size_t count = 0;
    for (const StreamId id : ids) count += group->acknowledge(id) ? 1 : 0;
    return count;
  });
  call.reply.integer(static_cast<int64_t>(acknowledged));
}

}  // namespace holdfast::node::handlers
