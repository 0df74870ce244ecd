// The life of a replica's link to its primary: connect, handshake, payload, stream, and back after a loss. Pure.
//
// Events carry `now`; each appends the actions that its driver performs in order. The driver calls tick() at or after
// deadline(). Lost time is bounded: the first reconnect is at once, later ones wait 50 ms doubling to 1 s; the pause starts
// afresh once a stream has lived for a second.
//
// Bytes: received() consumes the handshake and the payload. As soon as state() is `connected`, what it left over and all
// that follows is the command stream, which the driver parses and executes itself, reporting stream_activity(). While a
// payload loads, received() consumes nothing; the driver keeps the bytes and stops reading.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/base/endpoint.h"
#include "common/time/clock.h"
#include "node/replication/config.h"
#include "node/replication/notice.h"
#include "node/replication/payload_reader.h"
#include "node/replication/replica_handshake.h"
#include "node/replication/replication.h"

namespace holdfast::node::link_action {

struct Connect {
  Endpoint to;
};
struct Close {};  // the connection, if any; also whatever is still being spooled
struct Send {
  std::string bytes;
};
struct Acknowledge {};  // REPLCONF ACK with the offset of this moment
struct BeginSpool {
  std::optional<uint64_t> bytes;  // nothing: not known
};
struct Spool {
  std::string held;       // first this
  std::string_view data;  // then this: part of what received() was given
};
struct Load {  // the spool is whole; answer with loaded() or load_failed()
  HistoryPosition position;
};
struct Takeover {  // what FAILOVER wants to know
  enum class What : uint8_t {
    asked,     // PSYNC ... FAILOVER was sent
    followed,  // PSYNC, with it or without, was answered by a stream or a payload
    refused,   // PSYNC ... FAILOVER was answered by an error
  };
  What what = What::asked;
  std::string answer;  // refused
};
struct Resume {  // the stream follows from where we are, under this id when it changed
  std::optional<RunId> new_id;
};

}  // namespace holdfast::node::link_action

namespace holdfast::node {

using LinkAction = std::variant<link_action::Connect, link_action::Close, link_action::Send, link_action::Acknowledge,
                                link_action::BeginSpool, link_action::Spool, link_action::Load, link_action::Resume,
                                link_action::Takeover, Notice>;
using LinkActions = std::vector<LinkAction>;

class ReplicaLinkMachine {
 public:
  // `config` is read at each event, so that CONFIG SET needs no event of its own.
  explicit ReplicaLinkMachine(const ReplicationConfig& config) : config_(config) {}

  // Neither while loading(): the data set is between two histories.
  void start(Endpoint primary, Instant now, LinkActions& actions);  // also to change the primary
  void stop(LinkActions& actions);                                  // no primary any more

  // `takeover`: the primary is a replica that is asked to become one.
  void connected(Instant now, const std::optional<HistoryPosition>& resume, LinkActions& actions, bool takeover = false);
  void connection_lost(Instant now, std::string_view reason, LinkActions& actions);  // a failed connect too
  size_t received(Instant now, std::string_view bytes, LinkActions& actions);
  void spool_failed(Instant now, std::string_view reason, LinkActions& actions);
  void loaded(Instant now, LinkActions& actions);
  void load_failed(Instant now, std::string_view reason, LinkActions& actions);
  void stream_activity(Instant now) { last_io_ = now; }
  void stream_broken(Instant now, std::string_view reason, LinkActions& actions);  // a protocol error in the stream
  void tick(Instant now, LinkActions& actions);
  Instant deadline() const { return deadline_; }  // Instant::max() while there is nothing to wait for

  LinkState state() const;
  bool loading() const { return phase_ == Phase::loading; }
  const Endpoint& primary() const { return primary_; }

  // For INFO.
  struct Progress {
    uint64_t total_bytes = 0;  // 0 while not known
    uint64_t read_bytes = 0;
  };
  std::optional<Progress> transfer() const;  // while a payload is awaited, received or loaded
  std::optional<Instant> last_io() const;    // of the present connection
  std::optional<Instant> down_since() const; // nothing while connected, and before the first connection ever was up

 private:
  enum class Phase : uint8_t { idle, waiting, connecting, handshake, payload, loading, streaming };

  void enter(Phase phase, Instant now);
  void lose(Instant now, LinkActions& actions);
  void apply(HandshakeStep step, Instant now, LinkActions& actions);
  void begin_stream(Instant now, LinkActions& actions);
  size_t take_lines(Instant now, std::string_view bytes, LinkActions& actions);
  size_t take_payload(Instant now, std::string_view bytes, LinkActions& actions);
  void set_deadline(Instant now);

  const ReplicationConfig& config_;
  Phase phase_ = Phase::idle;
  Endpoint primary_;
  std::optional<ReplicaHandshake> handshake_;
  std::string line_;
  std::optional<PayloadReader> payload_;
  bool takeover_ = false;
  bool spooling_ = false;
  bool gone_ = false;  // the connection, while its payload loads
  HistoryPosition payload_position_;
  Instant last_io_{};
  Instant streaming_since_{};
  std::optional<Instant> down_since_;
  Instant next_sign_{};     // ACK or newline, each second
  Instant next_attempt_{};  // phase waiting
  unsigned attempts_ = 0;   // since the last stream that lived
  Instant deadline_ = Instant::max();
};

}  // namespace holdfast::node
