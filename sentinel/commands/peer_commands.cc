#include "common/base/text.h"
#include "common/hello/hello.h"
#include "sentinel/commands/handlers.h"

namespace holdfast::sentinel {

// [down, leader or "*", the epoch of that vote]. A vote leaves only when it was saved.
void is_master_down_command(Context& context) {
  const auto port = parse_int64(context.args[3]);
  const auto epoch = parse_int64(context.args[4]);
  if (!port || !epoch) return context.reply.error("ERR value is not an integer or out of range");
  Ballot ballot;
  const bool possible = *port > 0 && *port <= 65535 && *epoch >= 0;
  if (possible) {
    ballot.address = {std::string(context.args[2]), static_cast<uint16_t>(*port)};
    ballot.epoch = Epoch{static_cast<uint64_t>(*epoch)};
    ballot.candidate = RunId::parse(context.args[5]);  // "*", or anything else that is no id: only the state
  }
  BallotAnswer answer;  // for an address that nobody can have: not down, no vote
  if (possible) {
    auto [decided, actions] = context.host.core().ask(ballot, context.server.now());
    answer = context.host.perform(std::move(actions)) ? decided : decided.without_vote();
  }
  context.reply.array(3);
  context.reply.integer(answer.down ? 1 : 0);
  context.reply.bulk(answer.leader ? answer.leader->view() : std::string_view("*"));
  context.reply.integer(static_cast<int64_t>(answer.leader_epoch.value));
}

void publish_command(Context& context) {
  if (context.args[1] != kHelloChannel) {
    return context.reply.error("ERR Only HELLO messages are accepted by Sentinel instances.");
  }
  // A save that failed is the core's business here: the peer's hello was received all the same.
  (void)context.host.perform(context.host.core().hello_published(context.args[2], context.server.now()));
  context.reply.integer(1);
}

}  // namespace holdfast::sentinel
