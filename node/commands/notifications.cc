// Keyspace notifications: what happens to keys, told on channels (notify-keyspace-events).
// Channel names and event names: Redis's documentation of keyspace notifications.
#include "node/commands/call.h"
#include "node/commands/node.h"

namespace holdfast::node {

void Node::publish_event(std::string_view event, int db, std::string_view key) {
  if (server_ == nullptr) return;
  const uint32_t wanted = config_.notify_events;
  server::PubSub& pubsub = server_->pubsub;
  if ((wanted & kNotifyKeyspace) != 0) pubsub.publish(fmt::format("__keyspace@{}__:{}", db, key), event);
  if ((wanted & kNotifyKeyevent) != 0) pubsub.publish(fmt::format("__keyevent@{}__:{}", db, event), key);
}

void Call::notify(uint32_t event_class, std::string_view event, std::string_view key) {
  node.notify(event_class, event, db(), key);
}

}  // namespace holdfast::node
