#include "common/server/connection_commands.h"

#include "common/command/command_replies.h"

namespace holdfast::server {

namespace {

void subscribe(CommandContext& context, PubSub::Kind kind) {
  for (const auto& name : context.args.subspan(1)) context.server.pubsub.subscribe(context.session, kind, name);
}

void unsubscribe(CommandContext& context, PubSub::Kind kind) {
  if (context.args.size() == 1) return context.server.pubsub.unsubscribe_all(context.session, kind);
  for (const auto& name : context.args.subspan(1)) context.server.pubsub.unsubscribe(context.session, kind, name);
}

void list_channels(CommandContext& context, PubSub::Kind kind) {
  if (context.args.size() > 3) {
    return context.reply.error("ERR Unknown subcommand or wrong number of arguments for 'CHANNELS'. Try PUBSUB HELP.");
  }
  const auto names = context.server.pubsub.channels(kind, context.args.size() == 3 ? context.args[2] : "");
  context.reply.array(names.size());
  for (const auto& name : names) context.reply.bulk(name);
}

void count_subscribers(CommandContext& context, PubSub::Kind kind) {
  const auto names = context.args.subspan(2);
  context.reply.array(names.size() * 2);
  for (const auto& name : names) {
    context.reply.bulk(name);
    context.reply.integer(static_cast<int64_t>(context.server.pubsub.subscriber_count(kind, name)));
  }
}

}  // namespace

void subscribe_command(CommandContext& context) { subscribe(context, PubSub::Kind::channel); }
void psubscribe_command(CommandContext& context) { subscribe(context, PubSub::Kind::pattern); }
void ssubscribe_command(CommandContext& context) { subscribe(context, PubSub::Kind::shard); }
void unsubscribe_command(CommandContext& context) { unsubscribe(context, PubSub::Kind::channel); }
void punsubscribe_command(CommandContext& context) { unsubscribe(context, PubSub::Kind::pattern); }
void sunsubscribe_command(CommandContext& context) { unsubscribe(context, PubSub::Kind::shard); }
void pubsub_channels_command(CommandContext& context) { list_channels(context, PubSub::Kind::channel); }
void pubsub_shardchannels_command(CommandContext& context) { list_channels(context, PubSub::Kind::shard); }
void pubsub_numsub_command(CommandContext& context) { count_subscribers(context, PubSub::Kind::channel); }
void pubsub_shardnumsub_command(CommandContext& context) { count_subscribers(context, PubSub::Kind::shard); }

void pubsub_numpat_command(CommandContext& context) {
  context.reply.integer(static_cast<int64_t>(context.server.pubsub.pattern_count()));
}

void pubsub_help_command(CommandContext& context) {
  static constexpr std::array<std::string_view, 11> kLines = {
      "CHANNELS [<pattern>]",
      "    Return the currently active channels matching a <pattern> (default: '*').",
      "NUMPAT",
      "    Return number of subscriptions to patterns.",
      "NUMSUB [<channel> ...]",
      "    Return the number of subscribers for the specified channels, excluding",
      "    pattern subscriptions(default: no channels).",
      "SHARDCHANNELS [<pattern>]",
      "    Return the currently active shard level channels matching a <pattern> (default: '*').",
      "SHARDNUMSUB [<shardchannel> ...]",
      "    Return the number of subscribers for the specified shard level channel(s)",
  };
  command::reply_help("PUBSUB", kLines, context.reply);
}

}  // namespace holdfast::server
