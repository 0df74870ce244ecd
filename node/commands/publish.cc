// PUBLISH and SPUBLISH: delivered here, and told to the replicas (but not to the log), whose subscribers hear it too.
#include "common/hello/hello.h"
#include "common/server/server.h"
#include "node/commands/handlers.h"
#include "node/commands/node.h"

namespace holdfast::node::handlers {

void publish(Call& call) {
  const int64_t receivers = call.server.pubsub.publish(call.args[1], call.args[2]);
  if (call.args[1] == kHelloChannel && call.origin == Origin::client) call.node.replication().heard_hello(call.args[2]);
  call.force_propagation(Effects::Reach::replicas);
  call.reply.integer(receivers);
}

void spublish(Call& call) {
  const int64_t receivers = call.server.pubsub.publish_shard(call.args[1], call.args[2]);
  call.force_propagation(Effects::Reach::replicas);
  call.reply.integer(receivers);
}

}  // namespace holdfast::node::handlers
