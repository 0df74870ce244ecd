#include "tests/replication_simulation/wire.h"

#include <algorithm>

namespace holdfast::replication_simulation {

namespace {

constexpr size_t kPiece = 8192;
constexpr Millis kRetransmit{50};
constexpr double kSilent = 0.3;  // the chance that a side is not told of an end

}  // namespace

Nanos Wires::delay() {
  if (slow_ && random_.chance(0.1)) return Millis(random_.below(300));
  return Micros(100 + random_.below(900));
}

WireId Wires::connect(size_t from, size_t to) {
  const WireId id = next_++;
  Wire& wire = wires_[id];
  wire.member[0] = from;
  wire.member[1] = to;
  events_.after(delay(), [this, id] { establish(id); });
  return id;
}

void Wires::establish(WireId id) {
  const auto it = wires_.find(id);
  if (it == wires_.end() || !it->second.open[0]) return;
  Wire& wire = it->second;
  const size_t from = wire.member[0], to = wire.member[1];
  if (!reaches(from, to) || !reaches(to, from)) {
    events_.after(kRetransmit, [this, id] { establish(id); });
    return;
  }
  WireEnd* server = end_of_(to);
  if (!server) {  // refused
    wire.towards[0].ends = true;
    schedule(id, 0);
    return;
  }
  wire.open[1] = true;
  server->wire_accepted(id);
  if (WireEnd* client = end_of_(from)) client->wire_connected(id);
}

void Wires::send(WireId id, size_t from, std::string_view bytes) {
  const auto it = wires_.find(id);
  if (it == wires_.end()) return;
  const int side = side_of(it->second, from);
  if (!it->second.open[side]) return;
  Pipe& pipe = it->second.towards[1 - side];
  if (pipe.ends || pipe.silent) return;
  pipe.bytes += bytes;
  schedule(id, 1 - side);
}

void Wires::close(WireId id, size_t from) {
  const auto it = wires_.find(id);
  if (it == wires_.end()) return;
  const int side = side_of(it->second, from);
  if (!it->second.open[side]) return;
  it->second.open[side] = false;
  it->second.towards[side].bytes.clear();
  Pipe& pipe = it->second.towards[1 - side];
  if (random_.chance(0.5)) truncate(pipe);  // a reset overtakes what was on its way
  pipe.ends = true;
  schedule(id, 1 - side);
}

size_t Wires::in_flight(WireId id, size_t from) const {
  const auto it = wires_.find(id);
  return it == wires_.end() ? 0 : it->second.towards[1 - side_of(it->second, from)].bytes.size();
}

size_t Wires::other(WireId id, size_t member) const {
  const Wire& wire = wires_.at(id);
  return wire.member[1 - side_of(wire, member)];
}

void Wires::schedule(WireId id, int side) {
  Pipe& pipe = wires_[id].towards[side];
  if (pipe.scheduled) return;
  pipe.scheduled = true;
  events_.after(delay(), [this, id, side] { deliver(id, side); });
}

void Wires::deliver(WireId id, int side) {
  const auto it = wires_.find(id);
  if (it == wires_.end()) return;
  Wire& wire = it->second;
  Pipe& pipe = wire.towards[side];
  pipe.scheduled = false;
  const size_t to = wire.member[side], from = wire.member[1 - side];
  if (!wire.open[side]) {
    pipe.bytes.clear();
    forget_if_over(id);
    return;
  }
  if (pipe.silent) return;
  if (!reaches(from, to)) {
    pipe.scheduled = true;
    events_.after(kRetransmit, [this, id, side] { deliver(id, side); });
    return;
  }
  WireEnd* end = end_of_(to);
  if (pipe.bytes.empty()) {
    if (!pipe.ends) return;
    wire.open[side] = false;
    if (end) end->wire_closed(id);
    forget_if_over(id);
    return;
  }
  const size_t most = std::min(pipe.bytes.size(), kPiece);
  const size_t count = random_.chance(0.3) ? 1 + random_.below(most) : most;
  const std::string piece = pipe.bytes.substr(0, count);
  pipe.bytes.erase(0, count);
  if (!pipe.bytes.empty() || pipe.ends) schedule(id, side);
  if (end) end->wire_received(id, piece);
  if (WireEnd* sender = end_of_(from)) sender->wire_writable(id);
}

void Wires::forget_if_over(WireId id) {
  const auto it = wires_.find(id);
  if (it != wires_.end() && !it->second.open[0] && !it->second.open[1]) wires_.erase(it);
}

bool Wires::cut_one() {
  std::vector<WireId> open;
  for (const auto& [id, wire] : wires_) {
    if (wire.open[0] && wire.open[1]) open.push_back(id);
  }
  if (open.empty()) return false;
  const WireId id = open[random_.below(open.size())];
  for (const int side : {0, 1}) {
    Pipe& pipe = wires_[id].towards[side];
    truncate(pipe);
    pipe.ends = true;
    pipe.silent = random_.chance(kSilent);
    if (!pipe.silent) schedule(id, side);
  }
  return true;
}

void Wires::member_vanished(size_t member) {
  for (auto& [id, wire] : wires_) {
    for (const int side : {0, 1}) {
      if (wire.member[side] != member || !wire.open[side]) continue;
      wire.open[side] = false;
      Pipe& pipe = wire.towards[1 - side];
      truncate(pipe);
      pipe.ends = true;
      pipe.silent = random_.chance(kSilent);
      if (!pipe.silent) schedule(id, 1 - side);
    }
  }
}

}  // namespace holdfast::replication_simulation
