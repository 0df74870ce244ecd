// This node as a replica: the connection to the primary, driven by ReplicaLinkMachine.
//
// It connects, carries the handshake, spools the payload into a file and has it loaded, then executes the command stream
// and forwards its bytes to the own log, exactly as they came. Offsets move with whole commands; a transaction counts when
// its EXEC was executed, so a link that breaks inside one continues before its MULTI. Executor thread only.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/endpoint.h"
#include "common/fs/file_system.h"
#include "common/resp/request_parser.h"
#include "common/time/clock.h"
#include "node/io/payload_keeper.h"
#include "node/replication/config.h"
#include "node/replication/empty_primary_guard.h"
#include "node/replication/host.h"
#include "node/replication/replica_link_machine.h"
#include "node/replication/replication_log.h"
#include "node/replication/stream_forwarder.h"

namespace holdfast::node {

class ReplicaLink {
 public:
  struct Environment {
    boost::asio::io_context& io;
    const Clock& clock;
    FileSystem& files;
    const ReplicationConfig& config;
    ReplicationLog& log;
    ReplicationHost& host;
    ReplicationStats& stats;
    std::function<void(std::string_view reason)> disconnect_replicas;
    std::function<void()> identity_changed;
    std::function<void()> load_ended;
    std::function<bool()> wants_takeover;  // the primary is to be asked to become one
    std::function<void(const link_action::Takeover&)> takeover;
  };

  explicit ReplicaLink(Environment environment);
  ~ReplicaLink();

  void follow(const Endpoint& primary);  // not while loading()
  void stop();                           // likewise
  bool kill();                           // drops the connection; it comes back

  // The data set is of a primary's history already (from the files).
  void history_known() { guard_.following(); }
  // It holds on to its data against this primary: an order to follow it again is none to do nothing.
  bool refusing() const { return guard_.refusing(); }

  void log_synced();   // the append-only file has got further onto the disk
  void pause_ended();  // goes on with what arrived while ReplicationHost::stream_paused()

  LinkState state() const { return machine_.state(); }
  bool loading() const { return loading_; }
  const ReplicaLinkMachine& machine() const { return machine_; }
  int64_t read_offset() const;  // bytes received of the stream, executed or not

 private:
  struct Connection;

  template <class Event>
  void run(Event event);
  void perform(LinkActions& actions);
  void perform(link_action::Connect& action);
  void perform(link_action::Close& action);
  void perform(link_action::Send& action);
  void perform(link_action::Acknowledge& action);
  void perform(link_action::BeginSpool& action);
  void perform(link_action::Spool& action);
  void perform(link_action::Load& action);
  void perform(link_action::Resume& action);
  void perform(link_action::Takeover& action);
  void perform(Notice& action);

  void connect_to(std::shared_ptr<Connection> connection, const boost::asio::ip::tcp::endpoint& to);
  void lost(const std::shared_ptr<Connection>& connection, const std::string& reason);
  void read(const std::shared_ptr<Connection>& connection);
  void process(const std::shared_ptr<Connection>& connection);
  bool execute_stream(const std::shared_ptr<Connection>& connection);
  void execute(std::string_view raw, std::span<const std::string_view> argv);
  void acknowledge_request(std::span<const std::string_view> argv);
  void send(std::string bytes);
  void write(const std::shared_ptr<Connection>& connection);
  void payload_loaded(const HistoryPosition& position,
                      const std::expected<ReplicationHost::LoadedPayload, ReplicationHost::LoadError>& loaded);
  void remove_spool();
  void keep_spool();
  void tell_progress();
  void arm_timer();

  Environment env_;
  ReplicaLinkMachine machine_;
  EmptyPrimaryGuard guard_;
  std::shared_ptr<Connection> connection_;
  resp::RequestParser parser_;
  StreamForwarder forwarder_;
  std::optional<int64_t> sync_awaited_;  // the primary is to be told when the log is on the disk up to this offset
  std::unique_ptr<File> spool_;
  std::string spool_path_;
  std::string spool_error_;
  PayloadKeeper keeper_;
  Instant progress_told_;  // when the log was last told how far the payload is
  bool loading_ = false;
  boost::asio::ip::tcp::resolver resolver_;
  boost::asio::steady_timer timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // handlers in flight look at it
};

}  // namespace holdfast::node
