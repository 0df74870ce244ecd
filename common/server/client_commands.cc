#include <charconv>

#include "common/base/text.h"
#include "common/command/command_replies.h"
#include "common/log/log.h"
#include "common/server/connection.h"
#include "common/server/connection_commands.h"

namespace holdfast::server {

namespace {

std::optional<ClientType> parse_type(std::string_view name) {
  if (iequals(name, "normal")) return ClientType::normal;
  if (iequals(name, "slave") || iequals(name, "replica")) return ClientType::replica;
  if (iequals(name, "pubsub")) return ClientType::pubsub;
  if (iequals(name, "master") || iequals(name, "primary")) return ClientType::primary;
  return std::nullopt;
}

std::string flags_of(Server& server, const Session& session) {
  std::string flags;
  if (session.type == ClientType::replica) flags += session.monitor ? 'O' : 'S';
  if (session.type == ClientType::primary) flags += 'M';
  if (session.monitor && session.type != ClientType::replica) flags += 'O';
  if (session.subscribed()) flags += 'P';
  flags += server.handler().client_flags(session);
  if (session.blocked) flags += 'b';
  if (session.closing) flags += 'c';
  if (session.from_unix_socket()) flags += 'U';
  if (session.no_evict) flags += 'e';
  if (session.no_touch) flags += 'T';
  return flags.empty() ? "N" : flags;
}

// CLIENT LIST's and KILL's filters.
struct Filter {
  std::optional<ClientType> type;
  std::optional<uint64_t> id;
  std::string_view address, local_address, user;
  bool skip_me = true;

  bool matches(const Session& session, const Session& me) const {
    if (type && session.type != *type) return false;
    if (id && session.id != *id) return false;
    if (!address.empty() && session.remote_address() != address) return false;
    if (!local_address.empty() && session.local_address() != local_address) return false;
    if (!user.empty() && session.user_name() != user) return false;
    return !(skip_me && &session == &me);
  }
};

// Reads KILL's `<filter> <value>` pairs; false: the error is in the reply.
bool read_filter(CommandContext& context, Filter& filter) {
  const auto& args = context.args;
  for (size_t i = 2; i < args.size(); i += 2) {
    if (i + 1 >= args.size()) return context.reply.error("ERR syntax error"), false;
    const std::string_view value = args[i + 1];
    if (iequals(args[i], "ID")) {
      const auto id = parse_int64(value);
      if (!id || *id <= 0) return context.reply.error("ERR client-id should be greater than 0"), false;
      filter.id = static_cast<uint64_t>(*id);
    } else if (iequals(args[i], "TYPE")) {
      filter.type = parse_type(value);
      if (!filter.type) return context.reply.error(fmt::format("ERR Unknown client type '{}'", value)), false;
    } else if (iequals(args[i], "ADDR")) {
      filter.address = value;
    } else if (iequals(args[i], "LADDR")) {
      filter.local_address = value;
    } else if (iequals(args[i], "USER")) {
      if (context.server.users.find(value) == nullptr) {
        return context.reply.error(fmt::format("ERR No such user '{}'", value)), false;
      }
      filter.user = value;
    } else if (iequals(args[i], "SKIPME")) {
      if (!iequals(value, "yes") && !iequals(value, "no")) return context.reply.error("ERR syntax error"), false;
      filter.skip_me = iequals(value, "yes");
    } else {
      return context.reply.error("ERR syntax error"), false;
    }
  }
  return true;
}

int64_t kill_matching(CommandContext& context, const Filter& filter) {
  int64_t killed = 0;
  for (const auto& [id, connection] : context.server.connections()) {
    if (connection->closing || !filter.matches(*connection, context.session)) continue;
    ++killed;
    if (connection == &context.session) {
      connection->close_after_reply();
    } else {
      connection->close_now();
    }
  }
  const bool others = filter.id || !filter.address.empty() || !filter.local_address.empty() || !filter.user.empty();
  if (filter.type == ClientType::primary && !others && context.server.handler().kill_primary_link()) ++killed;
  return killed;
}

}  // namespace

std::string client_line(Server& server, const Session& session) {
  const size_t query = session.input_bytes(), query_free = session.input_free_bytes(), output = session.output_bytes();
  const Instant now = server.now();
  const auto seconds = [&](Instant since) { return std::chrono::duration_cast<Seconds>(now - since).count(); };
  return fmt::format(
      "id={} addr={} laddr={} fd={} name={} age={} idle={} flags={} db={} sub={} psub={} ssub={} multi={} qbuf={} "
      "qbuf-free={} argv-mem=0 multi-mem={} rbs={} rbp={} obl={} oll=0 omem={} tot-mem={} events={} cmd={} user={} "
      "redir=-1 resp={}",
      session.id, session.remote_address(), session.local_address(), session.file_descriptor(), session.name,
      seconds(session.created), seconds(session.last_interaction), flags_of(server, session), session.db,
      session.channels.size(), session.patterns.size(), session.shard_channels.size(),
      server.handler().queued_commands(session), query, query_free,
      session.data == nullptr ? 0 : session.data->queued_bytes(), session.reply_buffer_bytes(),
      session.reply_buffer_peak(), output, output, session.memory_bytes(), output > 0 ? "rw" : "r",
      session.last_command.empty() ? "NULL" : session.last_command, session.user_name(), session.protocol());
}

void client_id_command(CommandContext& context) { context.reply.integer(static_cast<int64_t>(context.session.id)); }

void client_list_command(CommandContext& context) {
  const auto& args = context.args;
  std::optional<ClientType> type;
  std::vector<uint64_t> ids;
  if (args.size() == 4 && iequals(args[2], "TYPE")) {
    type = parse_type(args[3]);
    if (!type) return context.reply.error(fmt::format("ERR Unknown client type '{}'", args[3]));
  } else if (args.size() > 3 && iequals(args[2], "ID")) {
    for (const auto& text : args.subspan(3)) {
      const auto id = parse_int64(text);
      if (!id) return context.reply.error("ERR Invalid client ID");
      ids.push_back(static_cast<uint64_t>(*id));
    }
  } else if (args.size() != 2) {
    return context.reply.error("ERR syntax error");
  }
  std::string text;
  const auto add = [&](const Session& session) { text += client_line(context.server, session) + "\n"; };
  if (!ids.empty()) {
    for (const uint64_t id : ids) {
      if (const Session* session = context.server.find(id)) add(*session);
    }
  } else {
    for (const auto& [id, connection] : context.server.connections()) {
      if (!connection->leaving && (!type || connection->type == *type)) add(*connection);
    }
  }
  context.reply.verbatim(text);
}

void client_info_command(CommandContext& context) {
  context.reply.verbatim(client_line(context.server, context.session) + "\n");
}

void client_kill_command(CommandContext& context) {
  Filter filter;
  if (context.args.size() == 3) {  // the old form: CLIENT KILL host:port
    filter.address = context.args[2];
    filter.skip_me = false;
    if (kill_matching(context, filter) == 0) return context.reply.error("ERR No such client");
    return context.reply.ok();
  }
  if (!read_filter(context, filter)) return;
  context.reply.integer(kill_matching(context, filter));
}

void client_setname_command(CommandContext& context) {
  for (const char c : context.args[2]) {
    if (c < '!' || c > '~') {
      return context.reply.error("ERR Client names cannot contain spaces, newlines or special characters.");
    }
  }
  context.session.name = context.args[2];
  context.reply.ok();
}

void client_getname_command(CommandContext& context) {
  if (context.session.name.empty()) {
    context.reply.null();
  } else {
    context.reply.bulk(context.session.name);
  }
}

void client_pause_command(CommandContext& context) {
  const auto& args = context.args;
  auto mode = Server::Pause::all;
  if (args.size() == 4) {
    if (iequals(args[3], "WRITE")) {
      mode = Server::Pause::writes;
    } else if (!iequals(args[3], "ALL")) {
      return context.reply.error("ERR CLIENT PAUSE mode must be WRITE or ALL");
    }
  } else if (args.size() > 4) {
    return context.reply.error(command::wrong_subcommand_error("CLIENT", args[1]));
  }
  const auto timeout = parse_int64(args[2]);
  if (!timeout) return context.reply.error("ERR timeout is not an integer or out of range");
  if (*timeout < 0) return context.reply.error("ERR timeout is negative");
  constexpr int64_t kLongest = int64_t{1000} * 3600 * 24 * 365 * 100;  // nanoseconds must not overflow
  context.server.pause(mode, context.server.now() + Millis(std::min(*timeout, kLongest)));
  context.reply.ok();
}

void client_unpause_command(CommandContext& context) {
  context.reply.ok();
  context.server.unpause();
}

void client_unblock_command(CommandContext& context) {
  const auto& args = context.args;
  if (args.size() > 4) return context.reply.error(command::wrong_subcommand_error("CLIENT", args[1]));
  bool with_error = false;
  if (args.size() == 4) {
    with_error = iequals(args[3], "ERROR");
    if (!with_error && !iequals(args[3], "TIMEOUT")) {
      return context.reply.error("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
    }
  }
  const auto id = parse_int64(args[2]);
  if (!id) return context.reply.error("ERR value is not an integer or out of range");
  Session* session = *id < 0 ? nullptr : context.server.find(static_cast<uint64_t>(*id));
  const bool unblocked = session != nullptr && context.server.handler().unblock(*session, with_error);
  context.reply.integer(unblocked ? 1 : 0);
}

void client_reply_command(CommandContext& context) {
  Session& session = context.session;
  if (iequals(context.args[2], "ON")) {
    session.reply_mode = ReplyMode::on;
    context.reply.ok();
  } else if (iequals(context.args[2], "OFF")) {
    session.reply_mode = ReplyMode::off;
  } else if (iequals(context.args[2], "SKIP")) {
    if (session.reply_mode != ReplyMode::off) session.reply_mode = ReplyMode::skip_next;
  } else {
    context.reply.error("ERR syntax error");
  }
}

namespace {

// The argument ON or OFF.
void set_switch(CommandContext& context, bool& value) {
  const bool on = iequals(context.args[2], "on");
  if (!on && !iequals(context.args[2], "off")) return context.reply.error("ERR syntax error");
  value = on;
  context.reply.ok();
}

}  // namespace

void client_no_evict_command(CommandContext& context) { set_switch(context, context.session.no_evict); }

void client_no_touch_command(CommandContext& context) { set_switch(context, context.session.no_touch); }

void client_getredir_command(CommandContext& context) { context.reply.integer(-1); }

// Client-side caching: nobody can be in tracking mode.
void client_caching_command(CommandContext& context) {
  context.reply.error(
      "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled");
}

void client_tracking_command(CommandContext& context) {
  if (iequals(context.args[2], "OFF")) return context.reply.ok();
  if (iequals(context.args[2], "ON")) return context.reply.error("ERR Client-side caching is not supported");
  context.reply.error("ERR syntax error");
}

void client_trackinginfo_command(CommandContext& context) {
  auto& reply = context.reply;
  reply.map(3);
  reply.bulk("flags");
  reply.set(1);
  reply.bulk("off");
  reply.bulk("redirect");
  reply.integer(-1);
  reply.bulk("prefixes");
  reply.array(0);
}

void client_help_command(CommandContext& context) {
  static constexpr std::array<std::string_view, 47> kLines = {
      "CACHING (YES|NO)",
      "    Enable/disable tracking of the keys for next command in OPTIN/OPTOUT modes.",
      "GETREDIR",
      "    Return the client ID we are redirecting to when tracking is enabled.",
      "GETNAME",
      "    Return the name of the current connection.",
      "ID",
      "    Return the ID of the current connection.",
      "INFO",
      "    Return information about the current client connection.",
      "KILL <ip:port>",
      "    Kill connection made from <ip:port>.",
      "KILL <option> <value> [<option> <value> [...]]",
      "    Kill connections. Options are:",
      "    * ADDR (<ip:port>|<unixsocket>:0)",
      "      Kill connections made from the specified address",
      "    * LADDR (<ip:port>|<unixsocket>:0)",
      "      Kill connections made to specified local address",
      "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
      "      Kill connections by type.",
      "    * USER <username>",
      "      Kill connections authenticated by <username>.",
      "    * SKIPME (YES|NO)",
      "      Skip killing current connection (default: yes).",
      "LIST [options ...]",
      "    Return information about client connections. Options:",
      "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
      "      Return clients of specified type.",
      "UNPAUSE",
      "    Stop the current client pause, resuming traffic.",
      "PAUSE <timeout> [WRITE|ALL]",
      "    Suspend all, or just write, clients for <timeout> milliseconds.",
      "REPLY (ON|OFF|SKIP)",
      "    Control the replies sent to the current connection.",
      "SETNAME <name>",
      "    Assign the name <name> to the current connection.",
      "UNBLOCK <clientid> [TIMEOUT|ERROR]",
      "    Unblock the specified blocked client.",
      "TRACKING (ON|OFF) [REDIRECT <id>] [BCAST] [PREFIX <prefix> [...]]",
      "         [OPTIN] [OPTOUT] [NOLOOP]",
      "    Control server assisted client side caching.",
      "TRACKINGINFO",
      "    Report tracking status for the current connection.",
      "NO-EVICT (ON|OFF)",
      "    Protect current client connection from eviction.",
      "NO-TOUCH (ON|OFF)",
      "    Will not touch LRU/LFU stats when this mode is on.",
  };
  command::reply_help("CLIENT", kLines, context.reply);
}

}  // namespace holdfast::server
