#include "common/http/server.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <list>
#include <mutex>
#include <thread>

#include "common/http/connection.h"
#include "common/log/log.h"
#include "common/memory/usage.h"
#include "common/time/clock.h"

namespace holdfast::http {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

// A program that the process starts must not keep the port busy after it. (Asio sets no such flag.)
void close_on_exec(int descriptor) { ::fcntl(descriptor, F_SETFD, FD_CLOEXEC); }

}  // namespace

// What runs on the HTTP thread. The published snapshot is the only thing that both threads touch. It is guarded by a mutex,
// not by atomic<shared_ptr>: the latter's spin lock in GCC 12 is invisible to ThreadSanitizer, and this path is not hot.
class Server::Core {
 public:
  explicit Core(ServerOptions options) : io_(1) {
    auto host = std::make_shared<Connection::Host>();
    host->options = std::move(options);
    host->answer = [this](Request request) { return answer(std::move(request)); };
    host->closed = [this](Connection* connection) { std::erase(connections_, connection); };
    host_ = std::move(host);
  }

  Result<Endpoint> listen(const std::string& address, uint16_t port) {
    boost::system::error_code error;
    const auto ip = asio::ip::make_address(address, error);
    if (error) return fail("Could not create HTTP listening socket {}:{}: not an IP address", address, port);
    const tcp::endpoint endpoint(ip, port);
    auto acceptor = std::make_unique<tcp::acceptor>(io_);
    acceptor->open(endpoint.protocol(), error);
    if (!error) close_on_exec(acceptor->native_handle());
    if (!error) acceptor->set_option(tcp::acceptor::reuse_address(true), error);
    if (!error && ip.is_v6()) acceptor->set_option(asio::ip::v6_only(true), error);
    if (!error) acceptor->bind(endpoint, error);
    if (!error) acceptor->listen(128, error);
    if (error) return fail("Could not create HTTP listening socket {}:{}: {}", address, port, error.message());
    const Endpoint bound{address, acceptor->local_endpoint().port()};
    acceptors_.push_back(std::move(acceptor));
    return bound;
  }

  void run() {
    for (auto& acceptor : acceptors_) accept(*acceptor);
    thread_ = std::thread([this] {
      const memory::ThreadAccount account;
      sigset_t all;  // signals are the main thread's business
      sigfillset(&all);
      pthread_sigmask(SIG_BLOCK, &all, nullptr);
      pthread_setname_np(pthread_self(), "http");
      io_.run();
    });
  }

  void publish(std::shared_ptr<const Snapshot> snapshot) {
    const Instant now = clock_.now();
    const std::lock_guard lock(mutex_);
    snapshot_.swap(snapshot);
    published_at_ = now;
  }  // the old one is freed after the lock

  void stop() {
    asio::post(io_, [this] {
      for (auto& acceptor : acceptors_) acceptor->close();
      const auto open = connections_;
      for (Connection* connection : open) connection->close();
      io_.stop();
    });
    if (thread_.joinable()) thread_.join();
  }

 private:
  void accept(tcp::acceptor& acceptor) {
    acceptor.async_accept([this, &acceptor](boost::system::error_code error, tcp::socket socket) {
      if (!acceptor.is_open()) return;
      if (error) return accept_later(acceptor);
      close_on_exec(socket.native_handle());
      if (connections_.size() < host_->options.max_connections || make_room()) {
        auto connection = std::make_shared<Connection>(std::move(socket), host_);
        connections_.push_back(connection.get());
        connection->start();
      }
      accept(acceptor);
    });
  }

  // Out of descriptors, most likely: accepting again at once would spin.
  void accept_later(tcp::acceptor& acceptor) {
    auto timer = std::make_shared<asio::steady_timer>(io_, std::chrono::milliseconds(100));
    timer->async_wait([this, timer, &acceptor](boost::system::error_code) {
      if (acceptor.is_open()) accept(acceptor);
    });
  }

  // Closes the oldest connection that is only waiting. False when every one is being answered: the newcomer is dropped.
  bool make_room() {
    for (Connection* connection : connections_) {
      if (!connection->waiting()) continue;
      connection->close();
      std::erase(connections_, connection);
      return true;
    }
    return false;
  }

  Response answer(Request request) {
    std::shared_ptr<const Snapshot> snapshot;
    Instant published_at;
    {
      const std::lock_guard lock(mutex_);
      snapshot = snapshot_;
      published_at = published_at_;
    }
    if (!snapshot) return error_response(503, "starting");
    request.snapshot_age = std::chrono::duration_cast<std::chrono::milliseconds>(clock_.now() - published_at);
    return snapshot->answer(std::move(request));
  }

  std::shared_ptr<const Connection::Host> host_;
  std::list<Connection*> connections_;  // oldest first; outlives io_, whose handlers hold the connections
  asio::io_context io_;
  std::vector<std::unique_ptr<tcp::acceptor>> acceptors_;
  std::thread thread_;
  SystemClock clock_;

  std::mutex mutex_;
  std::shared_ptr<const Snapshot> snapshot_;
  Instant published_at_;
};

Server::Server() = default;
Server::~Server() { stop(); }

Result<std::unique_ptr<Server>> Server::start(ServerOptions options) {
  std::unique_ptr<Server> server(new Server);
  if (options.port == 0 && !options.ephemeral) return server;
  const uint16_t port = options.ephemeral ? 0 : options.port;
  auto core = std::make_shared<Core>(options);
  for (const std::string& bind : options.binds) {
    const bool optional = bind.starts_with('-');
    auto bound = core->listen(optional ? bind.substr(1) : bind, port);
    if (bound) {
      server->endpoints_.push_back(std::move(*bound));
    } else if (!optional) {
      return std::unexpected(bound.error());
    } else {
      log::warning("{}", bound.error().text);
    }
  }
  if (server->endpoints_.empty()) return fail("Could not create HTTP listening socket: no usable http-bind address");
  core->run();
  server->core_ = std::move(core);
  return server;
}

void Server::publish(std::shared_ptr<const Snapshot> snapshot) {
  if (core_) core_->publish(std::move(snapshot));
}

void Server::stop() {
  if (!core_) return;
  core_->stop();
  core_.reset();
}

}  // namespace holdfast::http
