// This node as the primary (or the next link of a chain) of attached replicas: PSYNC and REPLCONF, full resyncs, feeding
// the stream, acknowledgements, WAIT, pings and timeouts.
//
// A thin driver: who may continue, when a snapshot starts, who is silent or good is decided in node/replication. Executor
// thread only. The connections belong to the server; this keeps their sessions until session_closed(). At the end of the
// process either may go first, but nothing runs in between.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/random.h"
#include "common/fs/file_system.h"
#include "common/server/session.h"
#include "common/time/clock.h"
#include "node/io/replica_source.h"
#include "node/io/stream_spill.h"
#include "node/replication/ack_waits.h"
#include "node/replication/config.h"
#include "node/replication/full_sync_scheduler.h"
#include "node/replication/host.h"
#include "node/replication/replica_table.h"
#include "node/replication/replication.h"
#include "node/replication/replication_log.h"

namespace holdfast::node {

class ReplicaFeed {
 public:
  struct Environment {
    boost::asio::io_context& io;
    const Clock& clock;
    RandomSource& random;
    FileSystem& files;
    const ReplicationConfig& config;
    ReplicationLog& log;
    ReplicationHost& host;
    ReplicationStats& stats;
    std::function<bool()> link_up;             // as a replica: is our own link live?
    std::function<void()> identity_changed;
  };

  explicit ReplicaFeed(Environment environment);
  ~ReplicaFeed();

  ProtocolReply replconf(server::Session& session, std::span<const std::string_view> argv);
  ProtocolReply psync(server::Session& session, std::span<const std::string_view> argv);
  bool is_attached(const server::Session& session) const;
  void session_closed(server::Session& session);

  // The replicas must learn of a new history (they come back and usually continue), or there is none any more.
  void disconnect_all(std::string_view reason);

  size_t acked(int64_t offset) const { return table_.acked(offset); }
  size_t acked_synced(int64_t offset) const { return table_.acked_synced(offset); }
  void log_synced(std::optional<uint64_t> offset);
  Replication::WaitToken wait(const AckTarget& target, std::optional<Millis> timeout,
                              std::function<void(std::optional<size_t>)> done);
  void cancel_wait(Replication::WaitToken token);
  void end_waits();  // this node became a replica

  size_t attached() const { return table_.attached(); }
  size_t good() const { return good_; }
  bool enough_good() const {
    return env_.config.min_replicas_to_write <= 0 || env_.config.min_replicas_max_lag.count() == 0 ||
           good_ >= static_cast<size_t>(env_.config.min_replicas_to_write);
  }
  std::vector<ReplicaRow> rows() const { return table_.rows(env_.clock.now()); }
  void settings_changed();
  // Memory of a streamed full resync that its replicas have not yet taken.
  size_t payload_bytes() const { return job_ && job_->streamed ? job_->streamed->bytes.memory_bytes() : 0; }

 private:
  struct Attachment {
    server::Session* session = nullptr;
    std::unique_ptr<ReplicaSource> source;
    bool old_sync = false;  // SYNC: no +FULLRESYNC line
    bool streamed = false;  // its payload has an end mark: the stream waits for its first acknowledgement
  };
  // The snapshot being made for replicas.
  struct Job {
    uint64_t number = 0;
    bool diskless = false;
    HistoryPosition position;
    std::string path;                             // of the file
    std::shared_ptr<StreamedSnapshot> streamed;   // diskless
    std::vector<uint64_t> members;
    bool saved = false, pipe_ended = false;
  };
  using Pipe = boost::asio::posix::stream_descriptor;

  void schedule_flush();
  void flush();
  void run_cron();
  void arm_timer();
  void on_timer();
  void poll_full_syncs();
  void start_snapshot(const FullSyncScheduler::Start& start);
  void join(Job& job, uint64_t id);
  void snapshot_done(uint64_t number, const Result<>& outcome);
  void file_ready();
  bool snapshot_may_go_on() const;
  void read_pipe();
  void pipe_read(size_t count, bool ended);
  void finish_streamed();
  void fail_job(std::string_view reason);
  void member_left(uint64_t id);
  std::unique_ptr<StreamSpill> make_spill(StreamBacklog& backlog, std::string_view what);
  std::shared_ptr<StreamedSnapshot> make_streamed();
  void drop_lost(const std::string& reason);
  std::string over_limit_reason() const;
  void payload_sent(uint64_t id);
  void go_online(uint64_t id);
  void acknowledged();
  void refresh_good();
  void finish_waits(const std::vector<AckWaits::Over>& over);
  void drop(uint64_t id, std::string_view reason);
  void detach(uint64_t id);
  Attachment& attach(server::Session& session, int64_t position);
  void send(Attachment& attachment, std::string_view text);

  Environment env_;
  std::unique_ptr<StreamSpill> spill_;  // of the stream; from the first settings on
  std::string spill_error_;             // "": it works
  std::vector<std::unique_ptr<StreamSpill>> retired_spills_;  // on their way out; before what may add to it
  ReplicaTable table_;
  std::map<uint64_t, Attachment> attachments_;
  FullSyncScheduler scheduler_;
  std::optional<Job> job_;
  uint64_t next_job_ = 1;
  std::unique_ptr<Pipe> pipe_;
  std::vector<char> pipe_buffer_;
  bool pipe_reading_ = false;
  AckWaits waits_;
  std::map<Replication::WaitToken, std::function<void(std::optional<size_t>)>> wait_callbacks_;
  std::optional<uint64_t> log_synced_;  // of the append-only file; nothing: it is off
  bool getack_wanted_ = false;
  bool getack_synced_ = false;  // for a WAITAOF
  bool flush_scheduled_ = false;
  size_t good_ = 0;
  boost::asio::steady_timer timer_;
  Instant next_cron_;
  Instant last_ping_;
  std::optional<Instant> alone_since_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // handlers in flight look at it
};

}  // namespace holdfast::node
