#include "node/io/migration_sockets.h"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <optional>

#include "common/net/socket.h"
#include "common/resp/writer.h"

namespace holdfast::node {

namespace {

constexpr size_t kReadBytes = 16 * 1024;
constexpr size_t kWriteBytes = 64 * 1024;  // each such piece has the timeout for itself

enum class Io : uint8_t { done, failed, timed_out };

Io wait_for(int fd, short events, Millis timeout) {
  pollfd waiting{fd, events, 0};
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  for (;;) {
    const auto left = std::chrono::ceil<Millis>(deadline - std::chrono::steady_clock::now());
    const int ready = ::poll(&waiting, 1, static_cast<int>(std::max<int64_t>(left.count(), 0)));
    if (ready > 0) return Io::done;
    if (ready == 0) return Io::timed_out;
    if (errno != EINTR) return Io::failed;
  }
}

// Redis reads a port as atoi does and uses its lower 16 bits; what is no port is refused by the network.
std::string port_text(std::string_view text) {
  int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return std::to_string(number & 0xffff);
}

}  // namespace

class MigrationSockets::Connection {
 public:
  explicit Connection(int fd) : fd_(fd) {}
  ~Connection() { ::close(fd_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Null: no such host, no address that a connection could be begun to, or no answer in time. A refused connection
  // counts as one: writing to it fails, and that is what Redis reports.
  static std::unique_ptr<Connection> open(const Migration& migration);

  Io write(std::string_view bytes, Millis timeout) const;
  // The next reply, which must come within the timeout.
  Io read(std::optional<resp::Reply>& reply, Millis timeout);
  // Bytes that nobody asked for have come.
  bool has_leftovers() const { return !input_.empty(); }

  int64_t db = -1;  // selected there; -1: not known
  Instant last_use{};

 private:
  const int fd_;
  std::string input_;
  resp::ReplyParser parser_;
};

std::unique_ptr<MigrationSockets::Connection> MigrationSockets::Connection::open(const Migration& migration) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const std::string host(migration.host);
  if (::getaddrinfo(host.c_str(), port_text(migration.port).c_str(), &hints, &found) != 0) return nullptr;
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses(found, &::freeaddrinfo);
  std::unique_ptr<Connection> refused;
  for (const addrinfo* address = found; address != nullptr; address = address->ai_next) {
    const int fd = ::socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) continue;
    auto connection = std::make_unique<Connection>(fd);
    const bool begun = ::connect(fd, address->ai_addr, address->ai_addrlen) == 0 || errno == EINPROGRESS;
    int error = begun ? 0 : errno;
    if (begun && wait_for(fd, POLLOUT, migration.timeout) != Io::done) continue;
    socklen_t size = sizeof error;
    if (begun) ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error == 0) {
      net::set_no_delay(fd, true);
      return connection;
    }
    if (!begun && error != ECONNREFUSED) continue;
    refused = std::move(connection);
  }
  return refused;
}

Io MigrationSockets::Connection::write(std::string_view bytes, Millis timeout) const {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_, bytes.data(), std::min(bytes.size(), kWriteBytes), MSG_NOSIGNAL);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<size_t>(sent));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      if (const Io ready = wait_for(fd_, POLLOUT, timeout); ready != Io::done) return ready;
    } else if (errno != EINTR) {
      return Io::failed;
    }
  }
  return Io::done;
}

Io MigrationSockets::Connection::read(std::optional<resp::Reply>& reply, Millis timeout) {
  char buffer[kReadBytes];
  for (;;) {
    std::string_view rest = input_;
    auto parsed = parser_.parse(rest);
    input_.erase(0, input_.size() - rest.size());
    if (!parsed) return Io::failed;
    if (*parsed) {
      reply = std::move(**parsed);
      return Io::done;
    }
    const ssize_t got = ::recv(fd_, buffer, sizeof buffer, 0);
    if (got > 0) {
      input_.append(buffer, static_cast<size_t>(got));
    } else if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      if (const Io ready = wait_for(fd_, POLLIN, timeout); ready != Io::done) return ready;
    } else if (got == 0 || errno != EINTR) {
      return Io::failed;
    }
  }
}

MigrationSockets::MigrationSockets(const Clock& clock) : clock_(clock) {}

MigrationSockets::~MigrationSockets() = default;

// The keys leave only when the peer has let us in and has the right database selected; else they could land in another.
MigrationSockets::Attempt MigrationSockets::exchange(Connection& peer, const Migration& migration) const {
  using Failure = MigrationResult::Failure;
  Attempt attempt;
  const auto failed = [&](Failure failure, Io io) {
    attempt.result.failure = failure;
    attempt.timed_out = io == Io::timed_out;
    return attempt;
  };
  std::string preamble;
  resp::Writer out(preamble);
  size_t answers = 0;
  if (!migration.credentials.empty()) {
    std::vector<std::string_view> words = {"AUTH"};
    words.insert(words.end(), migration.credentials.begin(), migration.credentials.end());
    out.command(words);
    ++answers;
  }
  if (peer.db != migration.db) {
    const std::string db = std::to_string(migration.db);
    out.command(std::vector<std::string_view>{"SELECT", db});
    ++answers;
  }
  std::optional<resp::Reply> reply;
  if (const Io sent = peer.write(preamble, migration.timeout); sent != Io::done) return failed(Failure::writing, sent);
  for (; answers > 0; --answers) {
    if (const Io read = peer.read(reply, migration.timeout); read != Io::done) return failed(Failure::reading, read);
    if (reply->is_error() && attempt.result.refusal.empty()) attempt.result.refusal = reply->text;
  }
  if (!attempt.result.refusal.empty()) return attempt;
  peer.db = migration.db;

  if (const Io sent = peer.write(migration.restores, migration.timeout); sent != Io::done) {
    return failed(Failure::writing, sent);
  }
  for (size_t i = 0; i < migration.count; ++i) {
    if (const Io read = peer.read(reply, migration.timeout); read != Io::done) return failed(Failure::reading, read);
    attempt.result.replies.push_back(reply->is_error() ? std::optional(reply->text) : std::nullopt);
  }
  attempt.reusable = !peer.has_leftovers();
  return attempt;
}

MigrationResult MigrationSockets::migrate(const Migration& migration) {
  const std::string name = std::string(migration.host) + ":" + std::string(migration.port);
  std::unique_ptr<Connection> peer;
  if (const auto kept = peers_.find(name); kept != peers_.end()) {
    peer = std::move(kept->second);
    peers_.erase(kept);
    Attempt attempt = exchange(*peer, migration);
    const MigrationResult& result = attempt.result;
    const bool gone = result.failure != MigrationResult::Failure::none && !attempt.timed_out && result.replies.empty();
    if (attempt.reusable) keep(name, std::move(peer));
    if (!gone) return attempt.result;
  }
  peer = Connection::open(migration);
  if (peer == nullptr) return {.failure = MigrationResult::Failure::connecting, .refusal = {}, .replies = {}};
  Attempt attempt = exchange(*peer, migration);
  if (attempt.reusable) keep(name, std::move(peer));
  return attempt.result;
}

void MigrationSockets::keep(const std::string& name, std::unique_ptr<Connection> peer) {
  if (peers_.size() >= kMostCached) {
    peers_.erase(std::ranges::min_element(peers_, {}, [](const auto& known) { return known.second->last_use; }));
  }
  peer->last_use = clock_.now();
  peers_[name] = std::move(peer);
}

void MigrationSockets::tick() {
  const Instant now = clock_.now();
  std::erase_if(peers_, [&](const auto& known) { return now - known.second->last_use > kIdleLife; });
}

}  // namespace holdfast::node
