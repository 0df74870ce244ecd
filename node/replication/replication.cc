#include "node/replication/replication.h"

namespace holdfast::node {

std::string_view link_state_name(LinkState state) {
  switch (state) {
    case LinkState::none: return "none";
    case LinkState::connect: return "connect";
    case LinkState::connecting: return "connecting";
    case LinkState::handshake: return "handshake";
    case LinkState::sync: return "sync";
    case LinkState::connected: return "connected";
  }
  return "unknown";
}

}  // namespace holdfast::node
