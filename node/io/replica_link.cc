#include "node/io/replica_link.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <cstring>
#include <utility>

#include "common/base/text.h"
#include "common/log/log.h"
#include "common/net/socket.h"
#include "common/resp/writer.h"

namespace holdfast::node {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr Seconds kTellPeriod{5};
constexpr size_t kReadBuffer = 256 * 1024;
constexpr size_t kKeepBuffer = 4 * 1024 * 1024;  // one that grew larger for a large command is given back
// The primary's commands were accepted there: only what cannot be held is refused here.
constexpr resp::RequestLimits kStreamLimits{.max_bulk = INT64_MAX / 2};

}  // namespace

// One connection; a handler in flight of an old one finds that it is not `connection_` any more.
struct ReplicaLink::Connection {
  explicit Connection(asio::io_context& io) : socket(io), input(kReadBuffer) {}

  tcp::socket socket;
  std::vector<char> input;
  size_t begin = 0, end = 0;
  std::string output, sending;
  bool writing = false;
  bool reading = false;

  std::string_view unread() const { return {input.data() + begin, end - begin}; }
  // Room behind `end` for a read; the unread bytes stay.
  void make_room() {
    if (begin == end) {
      begin = end = 0;
      if (input.size() > kKeepBuffer) std::vector<char>(kReadBuffer).swap(input);
    }
    if (input.size() - end >= kReadBuffer / 4) return;
    std::memmove(input.data(), input.data() + begin, end - begin);
    end -= begin;
    begin = 0;
    // Doubling with the bytes that have arrived; never by what was announced.
    if (input.size() - end < kReadBuffer / 4) input.resize(input.size() * 2);
  }
};

ReplicaLink::ReplicaLink(Environment environment)
    : env_(std::move(environment)), machine_(env_.config), keeper_(env_.files), resolver_(env_.io), timer_(env_.io) {}

ReplicaLink::~ReplicaLink() {
  *alive_ = false;
  remove_spool();
}

template <class Event>
void ReplicaLink::run(Event event) {
  LinkActions actions;
  event(actions);
  perform(actions);
  arm_timer();
}

void ReplicaLink::follow(const Endpoint& primary) {
  guard_.ordered();
  run([&](LinkActions& actions) { machine_.start(primary, env_.clock.now(), actions); });
}

void ReplicaLink::stop() {
  run([&](LinkActions& actions) { machine_.stop(actions); });
}

bool ReplicaLink::kill() {
  if (!connection_ || machine_.loading()) return false;
  run([&](LinkActions& actions) { machine_.connection_lost(env_.clock.now(), "killed by a client", actions); });
  return true;
}

int64_t ReplicaLink::read_offset() const {
  int64_t offset = env_.log.offset() + static_cast<int64_t>(forwarder_.held());
  if (connection_ && machine_.state() == LinkState::connected) offset += static_cast<int64_t>(connection_->unread().size());
  return offset;
}

void ReplicaLink::arm_timer() {
  const Instant deadline = machine_.deadline();
  if (deadline == Instant::max()) {
    timer_.cancel();
    return;
  }
  timer_.expires_after(std::max(deadline - env_.clock.now(), Nanos(0)));
  timer_.async_wait([this, alive = alive_](error_code failed) {
    if (failed || !*alive) return;
    run([&](LinkActions& actions) { machine_.tick(env_.clock.now(), actions); });
  });
}

// --- Actions.

void ReplicaLink::perform(LinkActions& actions) {
  // By index: an action may fail and its event append more.
  for (size_t i = 0; i < actions.size(); ++i) {
    std::visit([this](auto& action) { perform(action); }, actions[i]);
    if (!spool_error_.empty()) machine_.spool_failed(env_.clock.now(), std::exchange(spool_error_, {}), actions);
  }
}

void ReplicaLink::perform(Notice& notice) {
  log::write(notice.level == Notice::Level::warning ? log::Level::warning : log::Level::notice, notice.text);
}

void ReplicaLink::perform(link_action::Connect& action) {
  const auto connection = std::make_shared<Connection>(env_.io);
  connection_ = connection;
  error_code not_numeric;
  const auto address = asio::ip::make_address(action.to.host, not_numeric);
  if (!not_numeric) {
    connect_to(connection, {address, action.to.port});
    return;
  }
  resolver_.async_resolve(action.to.host, std::to_string(action.to.port),
                          [this, alive = alive_, connection](error_code failed, const tcp::resolver::results_type& results) {
                            if (!*alive || connection != connection_) return;
                            if (failed || results.empty()) {
                              lost(connection, failed ? failed.message() : "no address");
                            } else {
                              connect_to(connection, results.begin()->endpoint());
                            }
                          });
}

void ReplicaLink::connect_to(std::shared_ptr<Connection> connection, const tcp::endpoint& to) {
  error_code failed;
  connection->socket.open(to.protocol(), failed);
  if (!failed && !env_.config.bind_source.empty()) {
    const auto source = asio::ip::make_address(env_.config.bind_source, failed);
    if (!failed) connection->socket.bind({source, 0}, failed);
  }
  const auto connected = [this, alive = alive_, connection](error_code error) {
    if (!*alive || connection != connection_) return;
    if (error) {
      lost(connection, error.message());
      return;
    }
    net::set_no_delay(connection->socket.native_handle(), true);
    run([&](LinkActions& actions) { machine_.connected(env_.clock.now(), env_.log.resume_position(), actions, env_.wants_takeover()); });
    read(connection);
  };
  if (failed) {
    asio::post(env_.io, [connected, failed] { connected(failed); });
    return;
  }
  connection->socket.async_connect(to, connected);
}

void ReplicaLink::perform(link_action::Close&) {
  resolver_.cancel();
  if (connection_) {
    error_code ignored;
    connection_->socket.close(ignored);
    connection_.reset();
  }
  // While it loads, the file is the loader's.
  if (!loading_) remove_spool();
  forwarder_.reset();
  sync_awaited_.reset();
}

void ReplicaLink::lost(const std::shared_ptr<Connection>& connection, const std::string& reason) {
  if (connection != connection_) return;
  run([&](LinkActions& actions) { machine_.connection_lost(env_.clock.now(), reason, actions); });
}

void ReplicaLink::perform(link_action::Send& action) { send(std::move(action.bytes)); }

void ReplicaLink::perform(link_action::Acknowledge&) {
  std::string bytes;
  const std::string offset = std::to_string(env_.log.offset());
  const auto synced = env_.host.synced_offset();
  if (synced) {
    const std::string synced_text = std::to_string(*synced);
    const std::string_view argv[] = {"REPLCONF", "ACK", offset, "FACK", synced_text};
    resp::Writer(bytes).command(argv);
  } else {
    const std::string_view argv[] = {"REPLCONF", "ACK", offset};
    resp::Writer(bytes).command(argv);
  }
  send(std::move(bytes));
}

void ReplicaLink::send(std::string bytes) {
  if (!connection_) return;
  connection_->output += bytes;
  write(connection_);
}

void ReplicaLink::write(const std::shared_ptr<Connection>& connection) {
  if (connection->writing || connection->output.empty()) return;
  connection->writing = true;
  connection->sending.swap(connection->output);
  connection->output.clear();
  asio::async_write(connection->socket, asio::buffer(connection->sending),
                    [this, alive = alive_, connection](error_code failed, size_t) {
                      if (!*alive) return;
                      connection->writing = false;
                      if (failed) {
                        lost(connection, failed.message());
                      } else if (connection == connection_) {
                        write(connection);
                      }
                    });
}

void ReplicaLink::perform(link_action::BeginSpool&) {
  progress_told_ = env_.clock.now();
  spool_path_ = join_path(env_.config.directory, fmt::format("temp-sync-in-{}.rdb", env_.config.port));
  auto file = env_.files.open(spool_path_, FileSystem::Mode::create);
  if (file) {
    spool_ = std::move(*file);
  } else {
    spool_error_ = file.error().text;
  }
}

void ReplicaLink::perform(link_action::Spool& action) {
  if (!spool_) return;  // it failed before; the machine has closed the link
  for (const std::string_view part : {std::string_view(action.held), action.data}) {
    if (part.empty()) continue;
    if (const auto written = spool_->append(part); !written) {
      spool_error_ = written.error().text;
      spool_.reset();
      return;
    }
  }
  if (env_.clock.now() - progress_told_ >= kTellPeriod) tell_progress();
}

void ReplicaLink::tell_progress() {
  progress_told_ = env_.clock.now();
  const auto transfer = machine_.transfer();
  if (!transfer) return;
  const double read = static_cast<double>(transfer->read_bytes), total = static_cast<double>(transfer->total_bytes);
  if (transfer->total_bytes == 0) {
    log::notice("MASTER <-> REPLICA sync: {:.0f} MB received", read / 1e6);
  } else {
    log::notice("MASTER <-> REPLICA sync: {:.1f} % of {:.0f} MB received", 100 * read / total, total / 1e6);
  }
}

void ReplicaLink::perform(link_action::Load& action) {
  if (!spool_) return;
  spool_.reset();
  loading_ = true;
  const auto present = env_.log.resume_position();
  const bool suspect = env_.config.guard_empty_primary && guard_.suspects(present, action.position);
  if (suspect && guard_.refuses(action.position.id)) {
    asio::post(env_.io, [this, alive = alive_, position = action.position] {
      if (!*alive) return;
      payload_loaded(position, std::unexpected(ReplicationHost::LoadError{
                                   .text = "The primary had come back without any keys: this replica keeps its own until "
                                           "REPLICAOF (replica-guard-empty-primary)"}));
    });
    return;
  }
  const ReplicationHost::LoadTerms terms{.same_history = present && present->id == action.position.id, .only_with_keys = suspect};
  env_.host.load_payload(spool_path_, terms, [this, alive = alive_, position = action.position](const auto& loaded) {
    if (*alive) payload_loaded(position, loaded);
  });
}

void ReplicaLink::payload_loaded(const HistoryPosition& position,
                                 const std::expected<ReplicationHost::LoadedPayload, ReplicationHost::LoadError>& loaded) {
  loading_ = false;
  if (loaded) {
    keep_spool();
  } else {
    remove_spool();
  }
  if (!loaded && loaded.error().refused) guard_.refuse(position.id);
  if (loaded || loaded.error().data_lost) {
    env_.disconnect_replicas("a full resync replaced the data set");
    env_.log.forget_history();
  }
  if (loaded) {
    env_.log.adopt(position);
    guard_.following();
    parser_ = {};
    env_.host.begin_primary_stream(loaded->stream_db);
    env_.identity_changed();
    run([&](LinkActions& actions) { machine_.loaded(env_.clock.now(), actions); });
    if (connection_) process(connection_);
  } else {
    run([&](LinkActions& actions) { machine_.load_failed(env_.clock.now(), loaded.error().text, actions); });
  }
  env_.load_ended();
}

void ReplicaLink::keep_spool() {
  if (env_.config.kept_payload.empty()) return remove_spool();
  spool_.reset();
  keeper_.keep(std::exchange(spool_path_, {}), join_path(env_.config.directory, env_.config.kept_payload));
}

void ReplicaLink::remove_spool() {
  spool_.reset();
  if (spool_path_.empty()) return;
  (void)env_.files.remove(spool_path_);  // already gone, or replaced by the next one
  spool_path_.clear();
}

void ReplicaLink::perform(link_action::Resume& action) {
  guard_.following();
  if (env_.log.continued_as(action.new_id)) {
    log::notice("Master replication ID changed to {}", env_.log.id().view());
    env_.disconnect_replicas("the replication ID changed");
    env_.identity_changed();
  }
  env_.host.begin_primary_stream(env_.host.primary_stream_db());
}

void ReplicaLink::perform(link_action::Takeover& action) { env_.takeover(action); }

// --- Input.

void ReplicaLink::read(const std::shared_ptr<Connection>& connection) {
  if (connection != connection_ || connection->reading || machine_.loading()) return;
  connection->make_room();
  connection->reading = true;
  connection->socket.async_read_some(
      asio::buffer(connection->input.data() + connection->end, connection->input.size() - connection->end),
      [this, alive = alive_, connection](error_code failed, size_t count) {
        if (!*alive) return;
        connection->reading = false;
        if (failed) {
          lost(connection, failed == asio::error::eof ? "the primary closed it" : failed.message());
          return;
        }
        if (connection != connection_) return;
        connection->end += count;
        env_.stats.net_repl_input_bytes += count;
        process(connection);
      });
}

void ReplicaLink::process(const std::shared_ptr<Connection>& connection) {
  while (connection == connection_ && !machine_.loading() && !connection->unread().empty()) {
    if (machine_.state() == LinkState::connected) {
      if (!execute_stream(connection)) break;
      continue;
    }
    size_t consumed = 0;
    run([&](LinkActions& actions) { consumed = machine_.received(env_.clock.now(), connection->unread(), actions); });
    connection->begin += consumed;
    if (machine_.state() == LinkState::connected) parser_ = {};
    if (consumed == 0) break;
  }
  read(connection);
}

// Executes what is there; false: nothing more can be done with it.
bool ReplicaLink::execute_stream(const std::shared_ptr<Connection>& connection) {
  machine_.stream_activity(env_.clock.now());
  while (connection == connection_ && machine_.state() == LinkState::connected && !connection->unread().empty()) {
    if (env_.host.stream_paused()) return false;
    const std::string_view input = connection->unread();
    switch (parser_.parse(input, kStreamLimits)) {
      case resp::RequestParser::Status::need_more: return false;
      case resp::RequestParser::Status::error:
        run([&](LinkActions& actions) { machine_.stream_broken(env_.clock.now(), parser_.error(), actions); });
        return false;
      case resp::RequestParser::Status::request: break;
    }
    const size_t size = parser_.consumed();
    execute(input.substr(0, size), parser_.args());
    connection->begin += size;
  }
  return true;
}

void ReplicaLink::pause_ended() {
  if (connection_) process(connection_);
}

// With the offset before the request itself, as in Redis. Where the log is behind, its sync is told of as well: a Redis
// primary does not say which of the two it waits for.
void ReplicaLink::acknowledge_request(std::span<const std::string_view> argv) {
  LinkActions actions{link_action::Acknowledge{}};
  perform(actions);
  const auto synced = env_.host.synced_offset();
  if (!synced || *synced >= env_.log.offset()) return;
  sync_awaited_ = env_.log.offset();
  if (argv.size() > 2 && iequals(argv[2], kGetackSynced)) env_.host.sync_log_soon();
}

void ReplicaLink::log_synced() {
  if (!sync_awaited_ || env_.host.synced_offset().value_or(-1) < *sync_awaited_) return;
  sync_awaited_.reset();
  if (machine_.state() != LinkState::connected) return;
  LinkActions actions{link_action::Acknowledge{}};
  perform(actions);
}

void ReplicaLink::execute(std::string_view raw, std::span<const std::string_view> argv) {
  if (argv.empty()) {
    // An empty line: only its bytes count.
  } else if (argv.size() >= 2 && iequals(argv[0], "replconf") && iequals(argv[1], "getack")) {
    acknowledge_request(argv);
  } else {
    const auto connection = connection_;
    env_.host.execute_from_primary(argv);
    if (connection != connection_) return;  // a command that ended the link counts no more
  }
  const std::string_view whole = forwarder_.take(raw, argv);
  if (!whole.empty()) env_.log.forward(whole);
}

}  // namespace holdfast::node
