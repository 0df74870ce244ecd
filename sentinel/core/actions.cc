#include "sentinel/core/actions.h"

#include <fmt/format.h>

#include "common/hello/hello.h"

namespace holdfast::sentinel {

namespace {

std::string renamed(const Request& request, const char* name) {
  if (request.renames) {
    if (const auto found = request.renames->find(name); found != request.renames->end()) return found->second;
  }
  return name;
}

// CLIENT KILL makes every client reconnect and ask a sentinel again who the primary is; CONFIG REWRITE makes the new role
// survive a restart of the node. Both may fail there (no config file, ACL); the EXEC's other results still count.
std::vector<std::vector<std::string>> change_role_commands(const Request& request) {
  const bool no_one = request.target.host.empty();
  const std::string client = renamed(request, "CLIENT");
  return {{renamed(request, "MULTI")},
          {renamed(request, "SLAVEOF"), no_one ? "NO" : request.target.host,
           no_one ? "ONE" : fmt::format("{}", request.target.port)},
          {renamed(request, "CONFIG"), "REWRITE"},
          {client, "KILL", "TYPE", "normal"},
          {client, "KILL", "TYPE", "pubsub"},
          {renamed(request, "EXEC")},
          {renamed(request, "ROLE")}};
}

}  // namespace

std::vector<std::vector<std::string>> commands_of(const Request& request) {
  switch (request.kind) {
    case Request::Kind::ping: return {{renamed(request, "PING")}};
    case Request::Kind::info: return {{renamed(request, "INFO")}};
    case Request::Kind::publish_hello: return {{renamed(request, "PUBLISH"), std::string(kHelloChannel), request.text}};
    case Request::Kind::ask_master_down:
      return {{"SENTINEL", "IS-MASTER-DOWN-BY-ADDR", request.target.host, fmt::format("{}", request.target.port),
               fmt::format("{}", request.epoch.value), request.candidate ? request.candidate->str() : "*"}};
    case Request::Kind::ask_configuration:
      return {{"SENTINEL", "MASTER", request.text},
              {"SENTINEL", "GET-MASTER-ADDR-BY-NAME", request.text},
              {"SENTINEL", "IS-MASTER-DOWN-BY-ADDR", request.target.host, fmt::format("{}", request.target.port), "0",
               request.candidate ? request.candidate->str() : "*"}};
    case Request::Kind::script_kill: return {{renamed(request, "SCRIPT"), "KILL"}};
    case Request::Kind::change_role: return change_role_commands(request);
    case Request::Kind::role: return {{renamed(request, "ROLE")}};
    case Request::Kind::hand_over:
      return {{renamed(request, "FAILOVER"), "TO", request.target.host, fmt::format("{}", request.target.port),
               "TIMEOUT", fmt::format("{}", request.time_limit.count())}};
    case Request::Kind::keep_role: return {{renamed(request, "FAILOVER"), "ABORT"}};
  }
  return {};
}

}  // namespace holdfast::sentinel
