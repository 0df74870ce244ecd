// maxmemory-clients: clients whose memory together is too much are disconnected, the largest first.
#include "common/log/log.h"
#include "common/server/connection.h"
#include "common/server/connection_commands.h"
#include "common/server/server.h"

namespace holdfast::server {

void Server::limit_client_memory(uint64_t bytes) {
  const bool was_limited = client_memory_.limited();
  client_memory_.set_limit(bytes);
  if (!client_memory_.limited()) return;
  if (!was_limited) {
    for (const auto& [id, connection] : connections_) client_memory_.count(*connection);
  }
  evict_clients(nullptr);
}

void Server::recount_memory(Session& session) {
  client_memory_.count(session);
  if (client_memory_.exceeded()) evict_clients(&session);
}

// Their memory must be free at once, or keys would be evicted for it.
void Server::evict_clients(const Session* executing) {
  while (client_memory_.exceeded()) {
    Session* session = client_memory_.largest();
    if (session == nullptr) return;
    log::notice("Evicting client: {}", client_line(*this, *session));
    ++stats.evicted_clients;
    client_memory_.forget(*session);
    session->close_now();
    auto& connection = static_cast<Connection&>(*session);  // no other session is counted
    connection.free_buffers(session != executing && !connection.in_request_);
  }
}

}  // namespace holdfast::server
