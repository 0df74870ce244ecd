#include "common/server/server.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <utility>
#include <boost/asio/post.hpp>

#include "common/log/log.h"
#include "common/server/connection.h"

namespace holdfast::server {

namespace {

constexpr std::string_view kTooManyClients = "-ERR max number of clients reached\r\n";
constexpr int kHousekeepingSteps = 10;             // each second
constexpr Nanos kSilence = std::chrono::milliseconds(100);  // a client that sent nothing for so long has fallen silent
constexpr std::string_view kDenied =
    "-DENIED Redis is running in protected mode because protected mode is enabled and no password is set for the "
    "default user. In this mode connections are only accepted from the loopback interface. If you want to connect from "
    "external computers to Redis you may adopt one of the following solutions: 1) Just disable protected mode sending "
    "the command 'CONFIG SET protected-mode no' from the loopback interface by connecting to Redis from the same host "
    "the server is running, however MAKE SURE Redis is not publicly accessible from internet if you do so. Use CONFIG "
    "REWRITE to make this change permanent. 2) Alternatively you can just disable the protected mode by editing the "
    "Redis configuration file, and setting the protected mode option to 'no', and then restarting the server. 3) If you "
    "started the server manually just for testing, restart it with the '--protected-mode no' option. 4) Setup an "
    "authentication password for the default user. NOTE: You only need to do one of the above things in order for the "
    "server to start accepting connections from the outside.\r\n";

// Says why and closes; the peer may be gone already.
void refuse(int fd, std::string_view text) {
  (void)::send(fd, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  ::close(fd);
}

}  // namespace

Server::Server(boost::asio::io_context& io, const Clock& clock, RequestHandler& handler)
    : io_(io), clock_(clock), handler_(handler), housekeeping_timer_(io.get_executor()), pause_timer_(io.get_executor()),
      confirm_timer_(io.get_executor()),
      now_(clock.now()) {
  start_housekeeping();
}

Server::~Server() {
  for (const auto& [id, connection] : connections_) {
    pubsub.forget(*connection);
    delete connection;
  }
}

Instant Server::refresh_now() { return now_ = clock_.now(); }

Result<> Server::open_tcp(const TcpAddresses& where, std::vector<std::unique_ptr<net::Listener>>& opened) {
  if (where.port == 0 || where.addresses.empty()) return {};
  for (const std::string& written : where.addresses) {
    const bool optional = !written.empty() && written.front() == '-';
    const std::string address = optional ? written.substr(1) : written;
    auto listener =
        net::Listener::tcp(io_, address, where.port, where.backlog, [this](int fd) { accepted(fd, false); });
    if (listener) {
      opened.push_back(std::move(*listener));
      continue;
    }
    const int code = listener.error().code;
    const bool unavailable = code == EADDRNOTAVAIL || code == EAFNOSUPPORT || code == ENOPROTOOPT;
    // "::*" written without '-' is part of the default and may be missing as well, like any '-' address.
    if (unavailable && (optional || address == "::*")) continue;
    log::warning("Warning: Could not create server TCP listening socket {}", listener.error().text);
    return std::unexpected(listener.error());
  }
  if (opened.empty()) return fail("no address could be listened on");
  return {};
}

Result<> Server::listen_tcp(const std::vector<std::string>& addresses, uint16_t port, int backlog) {
  TcpAddresses where{addresses, port, backlog};
  // Other addresses of the same port may overlap with those in use: these are given up first, and taken again if need
  // be.
  const bool same_port = port == tcp_addresses_.port && !tcp_listeners_.empty();
  if (same_port) tcp_listeners_.clear();
  std::vector<std::unique_ptr<net::Listener>> opened;
  if (auto done = open_tcp(where, opened); !done) {
    opened.clear();
    if (same_port && !open_tcp(tcp_addresses_, tcp_listeners_)) log::warning("The former addresses are lost as well");
    return done;
  }
  tcp_listeners_ = std::move(opened);
  tcp_addresses_ = std::move(where);
  return {};
}

Result<> Server::listen_unix(const std::string& path, unsigned permissions, int backlog) {
  auto listener = net::Listener::unix_socket(io_, path, permissions, backlog, [this](int fd) { accepted(fd, true); });
  if (!listener) return std::unexpected(listener.error());
  unix_listener_ = std::move(*listener);
  return {};
}

void Server::stop_listening() {
  tcp_listeners_.clear();
  unix_listener_.reset();
}

void Server::adopt(int fd) { accepted(fd, false); }

void Server::accepted(int fd, bool unix_socket) {
  refresh_now();
  if (connections_.size() >= settings.max_clients) {
    ++stats.rejected_connections;
    return refuse(fd, kTooManyClients);
  }
  if (!unix_socket) {
    if (settings.protected_mode && users.default_user()->nopass() && !net::peer_is_loopback(fd)) {
      ++stats.rejected_connections;
      return refuse(fd, kDenied);
    }
    net::set_no_delay(fd, true);
    net::set_keepalive(fd, settings.tcp_keepalive_seconds);
  }
  ++stats.connections_received;
  auto* connection = new Connection(*this, fd, unix_socket, next_client_id());
  connection->user = users.default_user();
  connection->authenticated = users.open_to_all();
  connections_.emplace_hint(connections_.end(), connection->id, connection);
  connection->start();
}

Session* Server::find(uint64_t id) {
  const auto found = connections_.find(id);
  return found == connections_.end() || found->second->closing ? nullptr : found->second;
}

const OutputLimit& Server::output_limit(ClientType type) const {
  switch (type) {
    case ClientType::replica: return settings.replica;
    case ClientType::pubsub: return settings.pubsub;
    default: return settings.normal;
  }
}

void Server::request_turn_end() {
  if (turn_end_posted_) return;
  turn_end_posted_ = true;
  boost::asio::post(io_.get_executor(), [this] { end_turn(); });
}

void Server::schedule_flush(Connection& connection) {
  if (!connection.flush_scheduled_) {
    connection.flush_scheduled_ = true;
    to_flush_.push_back(&connection);
  }
  request_turn_end();
}

void Server::schedule_close(Connection& connection) {
  if (!connection.close_scheduled_) {
    connection.close_scheduled_ = true;
    to_close_.push_back(&connection);
  }
  request_turn_end();
}

void Server::schedule_resume(Connection& connection) {
  if (!connection.resume_scheduled_) {
    connection.resume_scheduled_ = true;
    to_resume_.push_back(connection.id);
  }
  request_turn_end();
}

void Server::end_turn() {
  turn_end_posted_ = false;
  refresh_now();
  // A command that this turn's end executes lets the loop go on (loading): what is under way here is not begun again.
  const bool nested = std::exchange(ending_turn_, true);
  if (!nested) {
    resume_scheduled();
    read_scheduled();
  }
  if (turn_end_hook_) turn_end_hook_();
  flush_scheduled();
  if (nested) return;
  close_scheduled();
  ending_turn_ = false;
  if (!to_resume_.empty() || !to_read_.empty()) request_turn_end();
}

// Resumed clients execute here and not inside of the command that woke them.
void Server::resume_scheduled() {
  std::vector<uint64_t> resumed;
  resumed.swap(to_resume_);
  for (const uint64_t id : resumed) {
    const auto found = connections_.find(id);
    if (found == connections_.end()) continue;
    Connection& connection = *found->second;
    connection.resume_scheduled_ = false;
    if (connection.closing || connection.suspended) continue;
    connection.process_input();
    if (!connection.closing) connection.stream_.read_again();
  }
}

void Server::use_io_threads(unsigned threads, bool reads) {
  io_threads_.reset();
  if (threads > 1) io_threads_ = std::make_unique<IoThreads>(threads);
  threads_read_ = reads && io_threads_ != nullptr;
}

// Fewer than two clients a thread are served sooner without them (Redis's rule).
bool Server::worth_threads(size_t clients) {
  io_threads_active_ = io_threads_ != nullptr && clients >= 2 * io_threads_->threads();
  return io_threads_active_;
}

void Server::schedule_read(Connection& connection) {
  if (!connection.read_scheduled_) {
    connection.read_scheduled_ = true;
    to_read_.push_back(&connection);
  }
  request_turn_end();
}

void Server::read_scheduled() {
  if (to_read_.empty()) return;
  reading_.swap(to_read_);
  if (worth_threads(reading_.size())) {
    io_threads_->run(reading_.size(), [this](size_t i) { reading_[i]->read_in_thread(); });
    refresh_now();
    for (Connection* connection : reading_) {
      connection->read_scheduled_ = false;
      connection->finish_read();
    }
  } else {
    for (Connection* connection : reading_) {
      connection->read_scheduled_ = false;
      if (!connection->closing) connection->read();
    }
  }
  reading_.clear();
}

// What can be sent now is sent; flush_scheduled then looks after whatever is left.
void Server::send_in_threads() {
  struct Send {
    Connection* connection;
    size_t begin, end;
  };
  std::vector<Send> sends;
  for (Connection* connection : flushing_) {
    if (connection->close_scheduled_ || connection->stream_.waits_writable()) continue;
    const size_t end = connection->sendable_end();
    if (connection->sent_ < end) sends.push_back({connection, connection->sent_, end});
  }
  if (!worth_threads(sends.size())) return;
  io_threads_->run(sends.size(), [&](size_t i) { sends[i].connection->send_in_thread(sends[i].end); });
  for (const Send& send : sends) {
    stats.output_bytes += send.connection->sent_ - send.begin;
    stats.writes += send.connection->thread_sends_;
    stats.threaded_writes += std::exchange(send.connection->thread_sends_, 0) > 0 ? 1 : 0;
  }
}

void Server::flush_scheduled() {
  flushing_.swap(to_flush_);
  if (io_threads_ != nullptr) send_in_threads();
  for (Connection* connection : flushing_) {
    connection->flush_scheduled_ = false;
    if (connection->close_scheduled_) continue;
    connection->flush();
    count_memory(*connection);
  }
  flushing_.clear();
}

// Closing tells the handler, which may close others: those come in the next turn.
void Server::close_scheduled() {
  std::vector<Connection*> closing;
  closing.swap(to_close_);
  for (Connection* connection : closing) {
    if (connection->in_request_) {  // its command lets the loop go on: the end of that asks for another turn's end
      to_close_.push_back(connection);
      continue;
    }
    connection->close_scheduled_ = false;
    handler_.closed(*connection);
    pubsub.forget(*connection);
    client_memory_.forget(*connection);
    connections_.erase(connection->id);
    connection->finish_close();
    std::erase(to_flush_, connection);
    if (connection->read_scheduled_) std::erase(to_read_, connection);
    std::erase(to_close_, connection);
    if (connection->at_gate_) std::erase(gated_, connection);
    if (connection->unconfirmed_) std::erase(unconfirmed_, connection);
    delete connection;
  }
}

void Server::confirm_later(Connection& connection) {
  connection.unconfirmed_ = true;
  unconfirmed_.push_back(&connection);
  if (confirming_) return;
  confirming_ = true;
  confirm_timer_.expires_after(kSilence);
  confirm_timer_.async_wait([this](boost::system::error_code error) {
    confirming_ = false;
    if (!error) confirm_silent();
  });
}

void Server::confirm_silent() {
  refresh_now();
  std::vector<Connection*> seen;
  seen.swap(unconfirmed_);
  for (Connection* connection : seen) {
    connection->unconfirmed_ = false;
    if (now_ - connection->last_interaction < kSilence) {
      confirm_later(*connection);
    } else {
      connection->confirm_open();
    }
  }
}

void Server::release_gate(uint64_t offset) {
  if (offset <= gate_.released_) return;
  gate_.released_ = offset;
  std::erase_if(gated_, [&](Connection* connection) {
    connection->flush();
    if (connection->waits_at_gate() && !connection->closed_) return false;
    connection->at_gate_ = false;
    return true;
  });
}

void Server::fail_gate() {
  for (Connection* connection : gated_) {
    connection->at_gate_ = false;
    connection->close_now();
  }
  gated_.clear();
  gate_.released_ = gate_.produced_;
}

void Server::pause(Pause mode, Instant until, PausePurpose purpose) {
  PauseOf& own = pauses_[static_cast<size_t>(purpose)];
  if (own.mode != Pause::none) {
    mode = std::max(mode, own.mode);
    until = std::max(until, own.until);
  }
  own = {mode, until};
  pauses_changed();
}

void Server::unpause(PausePurpose purpose) {
  PauseOf& own = pauses_[static_cast<size_t>(purpose)];
  if (own.mode == Pause::none) return;
  own = {};
  pauses_changed();
}

void Server::pauses_changed() {
  const Pause before = pause_;
  const Instant now = clock_.now();
  Instant next = Instant::max();
  pause_ = Pause::none;
  for (PauseOf& each : pauses_) {
    if (each.mode != Pause::none && each.until <= now) each = {};
    if (each.mode == Pause::none) continue;
    pause_ = std::max(pause_, each.mode);
    next = std::min(next, each.until);
  }
  pause_timer_.cancel();
  if (next != Instant::max()) {
    pause_timer_.expires_after(next - now);
    pause_timer_.async_wait([this](boost::system::error_code error) {
      if (!error) pauses_changed();
    });
  }
  if (pause_ >= before) return;
  refresh_now();
  std::vector<uint64_t> held;
  held.swap(held_by_pause_);
  for (const uint64_t id : held) {
    Session* session = find(id);
    if (session == nullptr) continue;
    session->blocked = false;
    session->resume();
  }
  // CLIENT UNPAUSE may be one of a transaction's commands: nothing else may run inside of it.
  if (pause_ == Pause::none && unpause_hook_) boost::asio::post(io_.get_executor(), [this] { unpause_hook_(); });
}

void Server::hold_until_unpaused(Session& session) {
  session.blocked = true;
  held_by_pause_.push_back(session.id);
}

void Server::start_housekeeping() {
  housekeeping_timer_.expires_after(Nanos(Seconds(1)) / kHousekeepingSteps);
  housekeeping_timer_.async_wait([this](boost::system::error_code error) {
    if (error) return;
    housekeep(connections_.size() / kHousekeepingSteps + 1);
    start_housekeeping();
  });
}

// Each client about once a second: idle ones, those over their soft output limit, buffers. In steps, so that many
// clients do not make for a pause.
void Server::housekeep(size_t most) {
  refresh_now();
  auto next = connections_.upper_bound(housekept_);
  for (size_t i = 0; i < most; ++i, ++next) {
    if (next == connections_.end()) {
      housekept_ = 0;
      return;
    }
    Connection* connection = next->second;
    housekept_ = connection->id;
    connection->tend();
    count_memory(*connection);
    if (settings.idle_timeout.count() == 0 || connection->closing || connection->blocked) continue;
    if (connection->type == ClientType::replica || connection->type == ClientType::pubsub) continue;
    if (now_ - connection->last_interaction > settings.idle_timeout) {
      log::verbose("Closing idle client");
      connection->close_now();
    }
  }
}

}  // namespace holdfast::server
