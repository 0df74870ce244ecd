// What the peers know, asked for: by a restarted sentinel before it answers clients, and by one that wants its
// configuration confirmed before it tells a returning primary to step down.
#include <algorithm>

#include "common/base/text.h"
#include "sentinel/core/quorum.h"
#include "sentinel/core/sentinel_impl.h"

namespace holdfast::sentinel {

namespace {

// The value of a field in the reply of SENTINEL MASTER; "" where there is none.
std::string_view field_of(const Reply& reply, std::string_view name) {
  if (reply.type != Reply::Type::array) return {};
  for (size_t i = 0; i + 1 < reply.elements.size(); i += 2) {
    if (reply.elements[i].text == name) return reply.elements[i + 1].text;
  }
  return {};
}

std::optional<Endpoint> address_in(const Reply& reply) {
  if (reply.type != Reply::Type::array || reply.elements.size() != 2) return std::nullopt;
  const auto port = parse_uint64(reply.elements[1].text);
  if (reply.elements[0].text.empty() || !port || *port == 0 || *port > 65535) return std::nullopt;
  return Endpoint{reply.elements[0].text, static_cast<uint16_t>(*port)};
}

}  // namespace

void Sentinel::Impl::start_catching_up(Primary& p) {
  p.catch_up_until = now_ + timings_.catch_up;
  for (auto& [id, view] : p.peers) view.catching_up = view.configuration_wanted = true;
}

void Sentinel::Impl::want_configurations(Primary& p) {
  for (auto& [id, view] : p.peers) view.configuration_wanted = true;
  p.configurations_asked = now_;
  again_ = true;
}

void Sentinel::Impl::drive_configurations(Primary& p) {
  if (p.catching_up(now_)) due(p.catch_up_until);
  for (auto& [id, view] : p.peers) {
    if (!view.configuration_wanted || !view.peer->link.up()) continue;
    view.configuration_wanted = false;
    send(view.peer->link,
         Request{
             .kind = Request::Kind::ask_configuration, .target = shown(p.node->address), .candidate = run_id_, .text = p.name},
         p.id, false);
  }
}

// The address is asked for behind the epoch: the reference shows the old address in MASTER until its failover has
// ended, but the promoted one, whose epoch that is, in GET-MASTER-ADDR-BY-NAME.
void Sentinel::Impl::on_configuration(const LinkOwner& owner, const PendingRequest& request,
                                      std::span<const Reply> replies) {
  Primary* p = primary_by_id(request.primary);
  if (owner.peer == nullptr || p == nullptr) return;
  const auto found = p->peers.find(owner.peer->id);
  if (found == p->peers.end()) return;
  PeerView& view = found->second;
  view.catching_up = false;
  touch(*p);
  if (replies.size() < 3) return;
  const auto config_epoch = parse_uint64(field_of(replies[0], "config-epoch"));
  auto address = address_in(replies[1]);
  const Reply& vote = replies[2];
  const bool voted = vote.type == Reply::Type::array && vote.elements.size() >= 3 &&
                     vote.elements[2].type == Reply::Type::integer && vote.elements[2].integer >= 0;
  if (!config_epoch || Epoch{*config_epoch} > kMaxEpoch || !address || !is_usable(*address, globals_) || !voted) return;
  address = names_.known(*address, globals_);
  view.configuration_asked = request.sent;
  view.answered_config_epoch = Epoch{*config_epoch};
  view.answered_primary = *address;
  view.answered_at_work = field_of(replies[0], "flags").find("failover_in_progress") != std::string_view::npos;
  view.answered_vote = Epoch{static_cast<uint64_t>(vote.elements[2].integer)};
  if (view.answered_config_epoch <= p->config_epoch) return;
  adopt_configuration(*p, *view.peer, Hello{.primary = *address, .config_epoch = *config_epoch});
}

// Its connection failed or was refused: nobody waits for its answer.
void Sentinel::Impl::give_up_on(const Peer& peer) {
  for (auto& [name, p] : primaries_) {
    const auto view = p->peers.find(peer.id);
    if (view == p->peers.end() || !view->second.catching_up) continue;
    view->second.catching_up = false;
    touch(*p);
  }
}

// No configuration newer than ours was made before `since`: a majority, asked after that, has ours, and has voted in no
// later epoch. Who makes a newer one was elected first, by a majority too, and the two have a member in common. Only a
// real sentinel that is ordered to fail over acts without votes; so every living peer must have answered, and none be
// at work.
bool Sentinel::Impl::configuration_answered_for(const Primary& p, Instant since) const {
  if (p.vote.epoch > p.config_epoch) return false;
  size_t agreeing = 1;
  for (const auto& [id, view] : p.peers) {
    if (view.s_down) continue;
    if (view.configuration_asked < since || view.answered_at_work) return false;
    if (view.answered_config_epoch == p.config_epoch && view.answered_primary == p.node->address &&
        view.answered_vote <= p.config_epoch) {
      ++agreeing;
    }
  }
  return agreeing >= majority_of(p.voters());
}

}  // namespace holdfast::sentinel
