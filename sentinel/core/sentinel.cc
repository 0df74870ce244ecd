#include "sentinel/core/sentinel.h"

#include <algorithm>

#include "sentinel/core/quorum.h"
#include "sentinel/core/sentinel_impl.h"

namespace holdfast::sentinel {

namespace {

std::unexpected<Error> no_such_master() { return fail("ERR No such master with that name"); }

}  // namespace

Sentinel::Sentinel(Options options, Instant now) : impl_(std::make_unique<Impl>(std::move(options), now)) {}
Sentinel::~Sentinel() = default;
Sentinel::Sentinel(Sentinel&&) noexcept = default;
Sentinel& Sentinel::operator=(Sentinel&&) noexcept = default;

Actions Sentinel::start(Instant now) {
  return impl_->event(now, [&] { impl_->on_start(); });
}

Actions Sentinel::advance(Instant now) {
  return impl_->event(now, [] {});
}

Instant Sentinel::next_deadline() const { return impl_->next_deadline_; }

Actions Sentinel::link_up(LinkId link, std::string_view local_ip, Instant now) {
  return impl_->event(now, [&] { impl_->on_link_up(link, local_ip); });
}

Actions Sentinel::link_down(LinkId link, Instant now, LinkEnd how) {
  return impl_->event(now, [&] { impl_->on_link_down(link, how); });
}

Actions Sentinel::replied(LinkId link, RequestId id, std::span<const Reply> replies, Instant now) {
  return impl_->event(now, [&] { impl_->on_replies(link, id, replies); });
}

Actions Sentinel::hello_on_link(LinkId link, std::string_view text, Instant now) {
  return impl_->event(now, [&] {
    if (impl_->on_pubsub_activity(link)) impl_->on_hello_text(text);
  });
}

Actions Sentinel::hello_published(std::string_view text, Instant now) {
  return impl_->event(now, [&] { impl_->on_hello_text(text); });
}

std::pair<BallotAnswer, Actions> Sentinel::ask(const Ballot& ballot, Instant now) {
  BallotAnswer answer;
  Actions actions = impl_->event(now, [&] { answer = impl_->on_ballot(ballot); });
  return {answer, std::move(actions)};
}

Actions Sentinel::resolved(const std::string& name, const std::vector<std::string>& addresses, Instant now) {
  return impl_->event(now, [&] { impl_->on_resolved(name, addresses); });
}

Actions Sentinel::persist_failed(Instant now) {
  return impl_->event(now, [&] { impl_->on_persist_failed(); });
}

Outcome<> Sentinel::monitor(std::string_view name, std::string_view host, std::string_view port,
                            std::string_view quorum, Instant now) {
  Outcome<> outcome;
  outcome.actions = impl_->event(now, [&] { outcome.result = impl_->monitor(name, host, port, quorum); });
  return outcome;
}

Outcome<> Sentinel::forget(std::string_view name, std::string_view host, std::string_view port, Instant now) {
  Outcome<> outcome;
  outcome.actions = impl_->event(now, [&] { outcome.result = impl_->forget(name, host, port); });
  return outcome;
}

Outcome<> Sentinel::remove(std::string_view name, Instant now) {
  Outcome<> outcome;
  outcome.actions = impl_->event(now, [&] { outcome.result = impl_->remove(name); });
  return outcome;
}

Outcome<> Sentinel::set(std::string_view name, std::span<const std::string> args, Instant now) {
  Outcome<> outcome;
  outcome.actions = impl_->event(now, [&] { outcome.result = impl_->set(name, args); });
  return outcome;
}

Outcome<size_t> Sentinel::reset(std::string_view pattern, Instant now) {
  Outcome<size_t> outcome;
  outcome.actions = impl_->event(now, [&] { outcome.result = impl_->reset(pattern); });
  return outcome;
}

Outcome<> Sentinel::failover(std::string_view name, const FailoverOrder& order, Instant now) {
  Outcome<> outcome;
  outcome.actions = impl_->event(now, [&] { outcome.result = impl_->failover(name, order); });
  return outcome;
}

Outcome<> Sentinel::set_globals(Globals globals, Instant now) {
  Outcome<> outcome;
  outcome.actions = impl_->event(now, [&] { impl_->set_globals(std::move(globals)); });
  return outcome;
}

Outcome<> Sentinel::flush_config(Instant now) {
  Outcome<> outcome;
  outcome.actions = impl_->event(now, [&] { impl_->dirty_ = true; });
  return outcome;
}

Outcome<> Sentinel::set_timings(Timings timings, Instant now) {
  Outcome<> outcome;
  outcome.actions = impl_->event(now, [&] { impl_->set_timings(timings); });
  return outcome;
}

Actions Sentinel::save_discoveries(Instant now) {
  return impl_->event(now, [&] { impl_->save_discoveries(); });
}

bool Sentinel::catching_up(Instant now) const {
  return std::any_of(impl_->primaries_.begin(), impl_->primaries_.end(),
                     [&](const auto& entry) { return entry.second->catching_up(now); });
}

RunId Sentinel::run_id() const { return impl_->run_id_; }
Epoch Sentinel::current_epoch() const { return impl_->current_epoch_; }
const Globals& Sentinel::globals() const { return impl_->globals_; }
const Timings& Sentinel::timings() const { return impl_->timings_; }

std::optional<Nanos> Sentinel::tilt_since(Instant now) const {
  if (!impl_->tilt_since_) return std::nullopt;
  return now - *impl_->tilt_since_;
}

std::vector<std::string> Sentinel::primary_names() const {
  std::vector<std::string> names;
  for (const auto& [name, p] : impl_->primaries_) names.push_back(name);
  return names;
}

bool Sentinel::knows(std::string_view name) const { return impl_->find(name) != nullptr; }

bool Sentinel::awaits_address_of_a_primary() const {
  return std::ranges::any_of(impl_->primaries_, [](const auto& p) { return !is_ip_address(p.second->node->address.host); });
}

std::optional<Endpoint> Sentinel::primary_address(std::string_view name) const {
  const MonitoredPrimary* p = impl_->find(name);
  return p == nullptr ? std::nullopt : std::optional(impl_->shown(p->node->address));
}

std::optional<Settings> Sentinel::settings(std::string_view name) const {
  const MonitoredPrimary* p = impl_->find(name);
  return p == nullptr ? std::nullopt : std::optional(p->settings);
}

Result<InstanceFields> Sentinel::primary_fields(std::string_view name, Instant now) const {
  const MonitoredPrimary* p = impl_->find(name);
  if (p == nullptr) return no_such_master();
  return impl_->fields_of_primary(*p, now);
}

Result<std::vector<InstanceFields>> Sentinel::replica_fields(std::string_view name, Instant now) const {
  const MonitoredPrimary* p = impl_->find(name);
  if (p == nullptr) return no_such_master();
  std::vector<InstanceFields> all;
  for (const auto& [address, replica] : p->replicas) {
    if (replica->info.announced) all.push_back(impl_->fields_of_replica(*p, *replica, now));
  }
  return all;
}

Result<std::vector<InstanceFields>> Sentinel::sentinel_fields(std::string_view name, Instant now) const {
  const MonitoredPrimary* p = impl_->find(name);
  if (p == nullptr) return no_such_master();
  std::vector<InstanceFields> all;
  for (const auto& [id, view] : p->peers) all.push_back(impl_->fields_of_peer(*p, view, now));
  return all;
}

Result<std::string> Sentinel::check_quorum(std::string_view name) const {
  const MonitoredPrimary* p = impl_->find(name);
  if (p == nullptr) return no_such_master();
  return sentinel::check_quorum(p->voters(), p->usable_sentinels(), p->settings.quorum);
}

Result<std::vector<CandidateVerdict>> Sentinel::candidates(std::string_view name, Instant now) const {
  const MonitoredPrimary* p = impl_->find(name);
  if (p == nullptr) return no_such_master();
  return judge_replicas(*p, p->best_replica(now, impl_->timings_), now, impl_->timings_);
}

std::optional<FailoverRecord> Sentinel::open_failover(std::string_view name, Instant now) const {
  const MonitoredPrimary* p = impl_->find(name);
  const FailoverRecord* record = p == nullptr ? nullptr : impl_->recorder_.open(*p);
  if (record == nullptr) return std::nullopt;
  FailoverRecord copy = *record;
  copy.duration = now - copy.started;
  return copy;
}

PersistentState Sentinel::persistent_state() const { return impl_->snapshot(); }

std::vector<Sentinel::Leadership> Sentinel::leaderships() const {
  std::vector<Leadership> all;
  for (const auto& [name, p] : impl_->primaries_) {
    if (p->failover.leading()) all.push_back({name, p->failover.epoch, p->failover.forced, p->lineage.known()});
  }
  return all;
}

}  // namespace holdfast::sentinel
