#include "node/replication/replica_handshake.h"

#include <fmt/format.h>

#include "common/base/assert.h"
#include "common/base/text.h"
#include "common/resp/writer.h"

namespace holdfast::node {

namespace {

bool starts(std::string_view line, std::string_view prefix) { return line.substr(0, prefix.size()) == prefix; }

void add_command(std::string& out, std::initializer_list<std::string_view> argv) {
  resp::Writer(out).command(std::span(argv.begin(), argv.size()));
}

void fail_with(HandshakeStep& step, std::string text) {
  step.verdict = HandshakeStep::Verdict::failed;
  step.notices.push_back({Notice::Level::warning, std::move(text)});
}

void note(HandshakeStep& step, std::string text) { step.notices.push_back({Notice::Level::notice, std::move(text)}); }

}  // namespace

HandshakeStep ReplicaHandshake::start() {
  HandshakeStep step;
  add_command(step.send, {"PING"});
  expected_.push_back(Expect::pong);
  return step;
}

HandshakeStep ReplicaHandshake::line(std::string_view line) {
  HOLDFAST_ASSERT(!expected_.empty());
  HandshakeStep step;
  if (line.empty()) return step;
  const Expect expect = expected_.front();
  if (expect == Expect::psync) {
    on_psync_reply(line, step);
    return step;
  }
  expected_.pop_front();
  const bool error = line.front() == '-';
  switch (expect) {
    case Expect::pong: on_pong(line, step); break;
    case Expect::auth:
      if (error) fail_with(step, fmt::format("Unable to AUTH to MASTER: {}", line));
      break;
    case Expect::port:
      if (error) note(step, fmt::format("(Non critical) Master does not understand REPLCONF listening-port: {}", line));
      break;
    case Expect::ip:
      if (error) note(step, fmt::format("(Non critical) Master does not understand REPLCONF ip-address: {}", line));
      break;
    case Expect::capa:
      if (error) note(step, fmt::format("(Non critical) Master does not understand REPLCONF capa: {}", line));
      break;
    case Expect::psync: break;
  }
  if (step.verdict == HandshakeStep::Verdict::going_on && expected_.empty()) send_psync(step);
  return step;
}

void ReplicaHandshake::on_pong(std::string_view line, HandshakeStep& step) {
  // A primary that wants a password, or whose default user may not PING, is alive all the same.
  if (line.front() != '+' && !starts(line, "-NOAUTH") && !starts(line, "-NOPERM") &&
      !starts(line, "-ERR operation not permitted")) {
    fail_with(step, fmt::format("Error reply to PING from master: '{}'", line));
    return;
  }
  note(step, "Master replied to PING, replication can continue...");
  send_options(step);
}

void ReplicaHandshake::send_options(HandshakeStep& step) {
  if (!settings_.password.empty()) {
    if (settings_.user.empty()) {
      add_command(step.send, {"AUTH", settings_.password});
    } else {
      add_command(step.send, {"AUTH", settings_.user, settings_.password});
    }
    expected_.push_back(Expect::auth);
  }
  add_command(step.send, {"REPLCONF", "listening-port", std::to_string(settings_.listening_port)});
  expected_.push_back(Expect::port);
  if (!settings_.announce_ip.empty()) {
    add_command(step.send, {"REPLCONF", "ip-address", settings_.announce_ip});
    expected_.push_back(Expect::ip);
  }
  add_command(step.send, {"REPLCONF", "capa", "eof", "capa", "psync2"});
  expected_.push_back(Expect::capa);
}

void ReplicaHandshake::send_psync(HandshakeStep& step) {
  if (settings_.resume) {
    const std::string offset = std::to_string(settings_.resume->offset + 1);
    note(step, fmt::format("Trying a partial resynchronization (request {}:{}).", settings_.resume->id.view(), offset));
    if (settings_.takeover) {
      note(step, "Initiating coordinated failover PSYNC request.");
      add_command(step.send, {"PSYNC", settings_.resume->id.view(), offset, "FAILOVER"});
    } else {
      add_command(step.send, {"PSYNC", settings_.resume->id.view(), offset});
    }
  } else {
    note(step, "Partial resynchronization not possible (no cached master)");
    add_command(step.send, {"PSYNC", "?", "-1"});
  }
  step.psync_sent = true;
  expected_.push_back(Expect::psync);
}

void ReplicaHandshake::on_psync_reply(std::string_view line, HandshakeStep& step) {
  const auto words = split(line, ' ');
  if (words[0] == "+FULLRESYNC") {
    const auto id = words.size() == 3 ? RunId::parse(words[1]) : std::nullopt;
    const auto offset = words.size() == 3 ? parse_int64(words[2]) : std::nullopt;
    if (!id || !offset || *offset < 0) {
      fail_with(step, "Master replied with wrong +FULLRESYNC syntax.");
      return;
    }
    note(step, fmt::format("Full resync from master: {}:{}", id->view(), *offset));
    step.verdict = HandshakeStep::Verdict::full_resync;
    step.position = {*id, *offset};
    return;
  }
  if (words[0] == "+CONTINUE") {
    if (!settings_.resume) {
      fail_with(step, "Master replied +CONTINUE to a request for a full resync");
      return;
    }
    if (words.size() >= 2) {
      step.new_id = RunId::parse(words[1]);
      if (!step.new_id) {
        fail_with(step, "Master replied with wrong +CONTINUE syntax.");
        return;
      }
    }
    note(step, "Successful partial resynchronization with master.");
    step.verdict = HandshakeStep::Verdict::resumed;
    return;
  }
  if (starts(line, "-NOMASTERLINK") || starts(line, "-LOADING")) {
    note(step, fmt::format("Master is currently unable to PSYNC but should be in the future: {}", line));
    step.verdict = HandshakeStep::Verdict::retry_later;
    return;
  }
  step.psync_refused = true;
  step.answer = line;
  fail_with(step, fmt::format("Unexpected reply to PSYNC from master: {}", line.substr(0, 256)));
}

}  // namespace holdfast::node
