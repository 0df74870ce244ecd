#include "node/replication/replica_link_machine.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/base/assert.h"

namespace holdfast::node {

using namespace link_action;

namespace {

constexpr Seconds kSignPeriod{1};
constexpr Seconds kStreamLives{1};
constexpr Millis kFirstPause{50};
constexpr Millis kLongestPause{1000};
constexpr size_t kLongestLine = 4096;
constexpr size_t kLongestReason = 512;  // a damaged file may be quoted in it

Notice note(std::string text) { return {Notice::Level::notice, std::move(text)}; }
Notice warn(std::string text) { return {Notice::Level::warning, std::move(text)}; }

// 0, 50, 100, 200, 400, 800, 1000, 1000 ...
Millis pause_before(unsigned attempt) {
  if (attempt == 0) return Millis{0};
  return std::min(kLongestPause, kFirstPause * (1 << std::min(attempt - 1, 5u)));
}

}  // namespace

LinkState ReplicaLinkMachine::state() const {
  switch (phase_) {
    case Phase::idle: return LinkState::none;
    case Phase::waiting: return LinkState::connect;
    case Phase::connecting: return LinkState::connecting;
    case Phase::handshake: return LinkState::handshake;
    case Phase::payload:
    case Phase::loading: return LinkState::sync;
    case Phase::streaming: return LinkState::connected;
  }
  return LinkState::none;
}

void ReplicaLinkMachine::enter(Phase phase, Instant now) {
  phase_ = phase;
  set_deadline(now);
}

void ReplicaLinkMachine::set_deadline(Instant now) {
  switch (phase_) {
    case Phase::idle: deadline_ = Instant::max(); return;
    case Phase::waiting: deadline_ = next_attempt_; return;
    case Phase::connecting:
    case Phase::handshake: deadline_ = last_io_ + config_.timeout; return;
    case Phase::loading: deadline_ = next_sign_; return;
    case Phase::payload:
    case Phase::streaming: deadline_ = std::min(next_sign_, last_io_ + config_.timeout); break;
  }
  deadline_ = std::max(deadline_, now);
}

void ReplicaLinkMachine::start(Endpoint primary, Instant now, LinkActions& actions) {
  actions.push_back(Close{});
  // The link of the old primary is down from here on; one that was down already stays so since then.
  if (phase_ == Phase::streaming || phase_ == Phase::idle) down_since_ = now;
  primary_ = std::move(primary);
  attempts_ = 0;
  next_attempt_ = now;
  enter(Phase::waiting, now);
  tick(now, actions);
}

void ReplicaLinkMachine::stop(LinkActions& actions) {
  if (phase_ != Phase::idle) actions.push_back(Close{});
  phase_ = Phase::idle;
  deadline_ = Instant::max();
  down_since_.reset();
  primary_ = {};
}

void ReplicaLinkMachine::connected(Instant now, const std::optional<HistoryPosition>& resume, LinkActions& actions,
                                   bool takeover) {
  if (phase_ != Phase::connecting) return;
  actions.push_back(note("Non blocking connect for SYNC fired the event."));
  handshake_.emplace(HandshakeSettings{.user = config_.primary_user,
                                       .password = config_.primary_password,
                                       .listening_port = config_.announce_port ? config_.announce_port : config_.port,
                                       .announce_ip = config_.announce_ip,
                                       .resume = resume,
                                       .takeover = takeover});
  takeover_ = takeover && resume;
  line_.clear();
  last_io_ = now;
  enter(Phase::handshake, now);
  apply(handshake_->start(), now, actions);
}

void ReplicaLinkMachine::connection_lost(Instant now, std::string_view reason, LinkActions& actions) {
  switch (phase_) {
    case Phase::idle:
    case Phase::waiting: return;
    case Phase::connecting:
      actions.push_back(warn(fmt::format("Error condition on socket for SYNC: {}", reason)));
      break;
    case Phase::handshake: actions.push_back(warn(fmt::format("Connection lost during the handshake: {}", reason))); break;
    case Phase::payload: actions.push_back(warn(fmt::format("I/O error trying to sync with MASTER: {}", reason))); break;
    case Phase::loading:
      // The load goes on; only then may a new connection say what this data set is.
      actions.push_back(Close{});
      gone_ = true;
      return;
    case Phase::streaming: actions.push_back(warn(fmt::format("Connection with master lost: {}", reason))); break;
  }
  lose(now, actions);
}

void ReplicaLinkMachine::lose(Instant now, LinkActions& actions) {
  actions.push_back(Close{});
  if (phase_ == Phase::streaming) {
    down_since_ = now;
    if (now - streaming_since_ >= kStreamLives) attempts_ = 0;
  }
  spooling_ = false;
  gone_ = false;
  payload_.reset();
  handshake_.reset();
  next_attempt_ = now + pause_before(attempts_);
  ++attempts_;
  enter(Phase::waiting, now);
}

size_t ReplicaLinkMachine::received(Instant now, std::string_view bytes, LinkActions& actions) {
  last_io_ = now;
  size_t consumed = 0;
  if (phase_ == Phase::handshake) consumed = take_lines(now, bytes, actions);
  if (phase_ == Phase::payload) consumed += take_payload(now, bytes.substr(consumed), actions);
  if (phase_ != Phase::waiting) set_deadline(now);
  return consumed;
}

size_t ReplicaLinkMachine::take_lines(Instant now, std::string_view bytes, LinkActions& actions) {
  size_t consumed = 0;
  while (phase_ == Phase::handshake && consumed < bytes.size()) {
    const char c = bytes[consumed++];
    if (c != '\n') {
      line_ += c;
      if (line_.size() > kLongestLine) {
        actions.push_back(warn("The primary's answer to the handshake is too long"));
        lose(now, actions);
      }
      continue;
    }
    if (!line_.empty() && line_.back() == '\r') line_.pop_back();
    const std::string line = std::exchange(line_, {});
    apply(handshake_->line(line), now, actions);
  }
  return consumed;
}

void ReplicaLinkMachine::apply(HandshakeStep step, Instant now, LinkActions& actions) {
  for (auto& notice : step.notices) actions.push_back(std::move(notice));
  if (takeover_ && step.psync_sent) actions.push_back(Takeover{.what = Takeover::What::asked});
  const bool followed = step.verdict == HandshakeStep::Verdict::full_resync || step.verdict == HandshakeStep::Verdict::resumed;
  if (followed) actions.push_back(Takeover{.what = Takeover::What::followed});
  switch (step.verdict) {
    case HandshakeStep::Verdict::going_on:
      if (!step.send.empty()) actions.push_back(Send{std::move(step.send)});
      return;
    case HandshakeStep::Verdict::full_resync:
      payload_position_ = step.position;
      payload_.emplace();
      spooling_ = false;
      next_sign_ = now + kSignPeriod;
      enter(Phase::payload, now);
      return;
    case HandshakeStep::Verdict::resumed:
      actions.push_back(Resume{step.new_id});
      begin_stream(now, actions);
      return;
    case HandshakeStep::Verdict::retry_later:
      if (attempts_ == 0) attempts_ = 1;  // it told us to come later: not at once
      lose(now, actions);
      return;
    case HandshakeStep::Verdict::failed:
      lose(now, actions);
      if (takeover_ && step.psync_refused) {
        actions.push_back(Takeover{.what = Takeover::What::refused, .answer = std::move(step.answer)});
      }
      return;
  }
}

void ReplicaLinkMachine::begin_stream(Instant now, LinkActions& actions) {
  handshake_.reset();
  payload_.reset();
  spooling_ = false;
  down_since_.reset();
  last_io_ = now;
  streaming_since_ = now;
  next_sign_ = now + kSignPeriod;
  enter(Phase::streaming, now);
  // At once: after a streamed payload the primary waits for it, and in any case it then knows where we are.
  actions.push_back(Acknowledge{});
}

size_t ReplicaLinkMachine::take_payload(Instant now, std::string_view bytes, LinkActions& actions) {
  auto step = payload_->feed(bytes);
  if (!step) {
    actions.push_back(warn(step.error().text));
    lose(now, actions);
    return bytes.size();
  }
  if (payload_->started() && !std::exchange(spooling_, true)) {
    const auto total = payload_->total();
    actions.push_back(note(total ? fmt::format("MASTER <-> REPLICA sync: receiving {} bytes from master to disk", *total)
                                 : "MASTER <-> REPLICA sync: receiving streamed RDB from master with EOF to disk"));
    actions.push_back(BeginSpool{total});
  }
  if (!step->held.empty() || !step->data.empty()) actions.push_back(Spool{std::move(step->held), step->data});
  if (step->done) {
    actions.push_back(note("MASTER <-> REPLICA sync: Loading DB in memory"));
    next_sign_ = now + kSignPeriod;
    enter(Phase::loading, now);
    actions.push_back(Load{payload_position_});
  }
  return step->consumed;
}

void ReplicaLinkMachine::spool_failed(Instant now, std::string_view reason, LinkActions& actions) {
  if (phase_ != Phase::payload && phase_ != Phase::loading) return;
  actions.push_back(warn(fmt::format("Write error or short write writing to the DB dump file needed for MASTER <-> "
                                     "REPLICA synchronization: {}",
                                     reason)));
  lose(now, actions);
}

void ReplicaLinkMachine::loaded(Instant now, LinkActions& actions) {
  if (phase_ != Phase::loading) return;
  actions.push_back(note("MASTER <-> REPLICA sync: Finished with success"));
  if (std::exchange(gone_, false)) {
    lose(now, actions);
  } else {
    begin_stream(now, actions);
  }
}

void ReplicaLinkMachine::load_failed(Instant now, std::string_view reason, LinkActions& actions) {
  if (phase_ != Phase::loading) return;
  actions.push_back(
      warn(fmt::format("Failed trying to load the MASTER synchronization DB from disk: {}", reason.substr(0, kLongestReason))));
  lose(now, actions);
}

void ReplicaLinkMachine::stream_broken(Instant now, std::string_view reason, LinkActions& actions) {
  if (phase_ != Phase::streaming) return;
  actions.push_back(warn(fmt::format("Protocol error from master: {}", reason)));
  lose(now, actions);
}

void ReplicaLinkMachine::tick(Instant now, LinkActions& actions) {
  if (phase_ == Phase::idle) return;
  if (phase_ == Phase::waiting) {
    if (now < next_attempt_) return;
    actions.push_back(note(fmt::format("Connecting to MASTER {}:{}", primary_.host, primary_.port)));
    actions.push_back(note("MASTER <-> REPLICA sync started"));
    last_io_ = now;
    enter(Phase::connecting, now);
    actions.push_back(Connect{primary_});
    return;
  }
  if (phase_ != Phase::loading && now - last_io_ >= config_.timeout) {
    const std::string_view text =
        phase_ == Phase::payload     ? "Timeout receiving bulk data from MASTER... If the problem persists try to set the "
                                       "'repl-timeout' parameter in redis.conf to a larger value."
        : phase_ == Phase::streaming ? "MASTER timeout: no data nor PING received..."
                                     : "Timeout connecting to the MASTER...";
    actions.push_back(warn(std::string(text)));
    lose(now, actions);
    return;
  }
  const bool signs = phase_ == Phase::payload || phase_ == Phase::loading || phase_ == Phase::streaming;
  if (signs && now >= next_sign_) {
    if (phase_ == Phase::streaming) {
      actions.push_back(Acknowledge{});
    } else if (!gone_) {
      actions.push_back(Send{"\n"});  // keeps the primary from taking our silence for death
    }
    next_sign_ = now + kSignPeriod;
  }
  set_deadline(now);
}

std::optional<ReplicaLinkMachine::Progress> ReplicaLinkMachine::transfer() const {
  if (!payload_) return std::nullopt;
  return Progress{payload_->total().value_or(0), payload_->received()};
}

std::optional<Instant> ReplicaLinkMachine::last_io() const {
  if (phase_ == Phase::idle || phase_ == Phase::waiting || phase_ == Phase::connecting) return std::nullopt;
  return last_io_;
}

std::optional<Instant> ReplicaLinkMachine::down_since() const { return down_since_; }

}  // namespace holdfast::node
