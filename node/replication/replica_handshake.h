// The replica's half of the replication handshake: reply lines in, bytes to send and a verdict out. Pure.
//
//   PING -> [AUTH] REPLCONF listening-port [REPLCONF ip-address] REPLCONF capa (sent together) -> PSYNC -> verdict
//
// Only PING, AUTH and PSYNC must succeed: an old primary may refuse the options. Empty lines are the primary's sign of
// life while it prepares an answer. One object serves one connection.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/run_id.h"
#include "node/replication/notice.h"
#include "node/replication/replication_log.h"

namespace holdfast::node {

struct HandshakeSettings {
  std::string user;  // "" = password alone
  std::string password;
  uint16_t listening_port = 0;
  std::string announce_ip;                    // "" = the primary takes the address it sees
  std::optional<HistoryPosition> resume;  // nothing: ask for a full resync
  bool takeover = false;                  // ask it to become the primary first (FAILOVER)
};

struct HandshakeStep {
  enum class Verdict : uint8_t { going_on, full_resync, resumed, retry_later, failed };
  Verdict verdict = Verdict::going_on;
  std::string send;
  HistoryPosition position;  // full_resync: where the payload stands
  std::optional<RunId> new_id;   // resumed: the primary's history id, when it named one
  bool psync_sent = false;
  bool psync_refused = false;    // failed: by the answer to PSYNC, which is `answer`
  std::string answer;
  std::vector<Notice> notices;
};

class ReplicaHandshake {
 public:
  explicit ReplicaHandshake(HandshakeSettings settings) : settings_(std::move(settings)) {}

  HandshakeStep start();                      // connected: the PING
  HandshakeStep line(std::string_view line);  // one reply, without its line end; not after a final verdict

 private:
  enum class Expect : uint8_t { pong, auth, port, ip, capa, psync };

  void send_options(HandshakeStep& step);
  void send_psync(HandshakeStep& step);
  void on_pong(std::string_view line, HandshakeStep& step);
  void on_psync_reply(std::string_view line, HandshakeStep& step);

  HandshakeSettings settings_;
  std::deque<Expect> expected_;
};

}  // namespace holdfast::node
