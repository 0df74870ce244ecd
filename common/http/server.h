// The HTTP endpoint (metrics, health): a small HTTP/1.1 server on one thread of its own.
//
// It answers GET, HEAD and OPTIONS from the last published Snapshot and never waits for the main loop, so a scrape works
// while a long command runs or a data set loads. OPTIONS answers with the status that GET would (HAProxy's `httpchk
// OPTIONS /primary`) and no body. Before the first publish everything is 503.
//
// Threads: start, publish, endpoints and stop belong to one thread (the main loop's); publish takes a lock for the length
// of a pointer swap only. A hostile client cannot hurt: headers are bounded, request bodies refused, each step has a
// deadline, and past max_connections the connection that has waited longest for a request gives way to the new one.
// Errors of start (address in use, not an address) are Results; errors of a connection end that connection.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/base/endpoint.h"
#include "common/base/result.h"
#include "common/http/snapshot.h"

namespace holdfast::http {

struct ServerOptions {
  std::vector<std::string> binds;  // IPv4 or IPv6 addresses; a leading '-' makes one optional, as in Redis's `bind`
  uint16_t port = 0;               // 0 = off: nothing listens and there is no thread
  bool ephemeral = false;          // any free port instead (for tests): `port` is not looked at
  size_t max_connections = 64;
  size_t max_header_bytes = 8 * 1024;
  std::chrono::milliseconds request_timeout{5'000};  // for the whole of a request's header
  std::chrono::milliseconds idle_timeout{75'000};    // between the requests of a kept-alive connection
  std::chrono::milliseconds write_timeout{10'000};   // for the whole of a response
};

class Server {
 public:
  static Result<std::unique_ptr<Server>> start(ServerOptions options);
  ~Server();  // stops
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  void publish(std::shared_ptr<const Snapshot> snapshot);

  // What it listens at, in the order of the binds; empty when off.
  const std::vector<Endpoint>& endpoints() const { return endpoints_; }

  // Closes listeners and connections and joins the thread; may be called twice.
  void stop();

 private:
  class Core;
  Server();

  std::vector<Endpoint> endpoints_;
  std::shared_ptr<Core> core_;  // null when off or stopped
};

}  // namespace holdfast::http
