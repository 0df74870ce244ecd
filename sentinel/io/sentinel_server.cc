#include "sentinel/io/sentinel_server.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "common/log/log.h"
#include "sentinel/commands/info.h"
#include "sentinel/io/facts.h"
#include "sentinel/metrics/sentinel_health.h"

namespace holdfast::sentinel {

namespace {

constexpr Millis kPublishPause{100};  // facts are published no more often than this
constexpr std::chrono::seconds kHousekeeping{1};
constexpr std::chrono::seconds kSweep{60};  // texts of INFO of nodes that are not watched any more go
constexpr std::chrono::hours kLongestWait{1};  // the timer looks again after this, whatever the core said
constexpr Millis kStall{1};
constexpr Millis kSettle{500};  // the configuration file lags behind the journal no longer, once all is quiet
constexpr Millis kSettleRetry{1000};

}  // namespace

SentinelServer::SentinelServer(boost::asio::io_context& io, const Clock& clock, FileSystem& fs, StateStore& store,
                               Options options)
    : io_(io),
      clock_(clock),
      store_(store),
      options_(std::move(options)),
      core_({.state = options_.state, .listen_port = options_.port, .seed = options_.seed}, clock.now()),
      links_(io, clock, *this, options_.links),
      scripts_(
          io, clock, [this]() -> const Timings& { return core_.timings(); },
          [this](const Notice& notice) { announce(notice); }),
      dispatcher_(*this),
      server_(io, clock, dispatcher_),
      acl_file_(fs, options_.users.file),
      core_timer_(io.get_executor()),
      housekeeping_timer_(io.get_executor()),
      publish_timer_(io.get_executor()),
      settle_timer_(io.get_executor()),
      record_file_(fs, options_.facts.config_file + ".failovers"),
      events_(to_unix_ms(clock.wall_now())) {
  dispatcher_.attach(server_);
  server_.settings = options_.clients;
}

SentinelServer::~SentinelServer() {
  if (http_ != nullptr) http_->stop();
}

Result<> SentinelServer::start() {
  for (const auto& [from, to] : options_.renamed_commands) {
    if (!dispatcher_.rename(from, to)) {
      return fail("rename-command: there is no command '{}', or there is one named '{}' already. Exiting...", from, to);
    }
  }
  if (auto loaded = load_users(); !loaded) return loaded;
  history_.restore(record_file_.load());
  auto http = http::Server::start(options_.http);
  if (!http) return fail("Failed listening on the HTTP port {}: {}", options_.http.port, http.error().text);
  http_ = std::move(*http);
  if (auto done = server_.listen_tcp(options_.bind, options_.port, options_.backlog); !done) {
    return fail("Failed listening on port {} (TCP), aborting.", options_.port);
  }
  if (!options_.unix_socket.empty()) {
    const auto done = server_.listen_unix(options_.unix_socket, options_.unix_socket_permissions, options_.backlog);
    if (!done) return fail("Failed opening Unix socket: bind: {}", done.error().text);
  }
  if (!server_.listens()) return fail("Configured to not listen anywhere, exiting.");
  log::notice("Running mode=sentinel, port={}.", options_.port);
  Actions first = core_.start(clock_.now());
  std::vector<Notice> notices = std::move(first.notices);
  first.notices.clear();
  const bool new_id = options_.state.run_id.is_zero();
  if (auto saved = perform(std::move(first)); !saved && new_id) {
    return fail("Sentinel could not save its id in its config file: {}. Exiting...", saved.error().text);
  }
  settle();  // what a crash left in the journal; a new journal is ready before the first vote
  log::warning("Sentinel ID is {}", core_.run_id().view());
  (void)perform({.notices = std::move(notices)});
  housekeep();
  return {};
}

Result<> SentinelServer::load_users() {
  server_.users.set_channels_by_default(options_.users.all_channels);
  server_.denials.set_limit(options_.users.log_length);
  server_.use_acl_file(acl_file_);
  store_.keep_users([this] { return user_lines(); });
  return server::load_users(server_.users, options_.users.lines, acl_file_, options_.users.password);
}

// What the conf file says of users: nothing, where they have a file of their own. The default user needs no line while
// it is what the other options make of it.
std::vector<config::OwnedLine> SentinelServer::user_lines() const {
  std::vector<config::OwnedLine> lines;
  if (acl_file_.configured()) return lines;
  access::User unchanged = access::User::open(std::string(access::kDefaultUser), &server_.users.catalog());
  if (!options_.users.password.empty()) (void)unchanged.apply(">" + options_.users.password);
  for (const auto& [name, user] : server_.users.table()) {
    if (std::ranges::find(options_.users.included, name) != options_.users.included.end()) continue;
    config::Words words{"user"};
    for (const std::string_view word : user->words()) words.emplace_back(word);
    lines.push_back({StateStore::user_key(name), config::write_line(words), !(*user == unchanged)});
  }
  return lines;
}

void SentinelServer::request_shutdown(std::string_view reason) {
  if (stopping_) return;
  stopping_ = true;
  log::warning("{}", reason);
  publish();
  // After this turn: a client that asked for it is being served right now.
  boost::asio::post(io_.get_executor(), [this] {
    server_.stop_listening();
    (void)perform(core_.save_discoveries(clock_.now()));
    links_.close_all();
    settle();
    store_.close();
    io_.stop();
  });
}

Result<> SentinelServer::perform(Actions actions) {
  Result<> saved;
  std::optional<Actions> after_failure;
  if (actions.persist_first != nullptr) {
    saved = save(*actions.persist_first);
    if (!saved) after_failure = core_.persist_failed(clock_.now());
  }
  crash_if_simulated(actions.notices);
  const bool resolve = core_.globals().resolve_hostnames;
  for (const Effect& effect : actions.sends) links_.perform(effect, resolve);
  if (saved) {
    for (const Effect& effect : actions.after_persist) links_.perform(effect, resolve);
  }
  for (const std::string& name : actions.resolves) links_.look_up(name);
  for (const Notice& notice : actions.notices) announce(notice);
  for (FailoverRecord& record : actions.records) keep(std::move(record));
  if (!actions.notices.empty()) publish_soon();
  if (after_failure) (void)perform(std::move(*after_failure));
  if (catching_up_ && !core_.catching_up(clock_.now())) {
    catching_up_ = false;
    publish_soon();
    dispatcher_.resume_held();
  }
  arm_timer();
  return saved;
}

Result<> SentinelServer::save(const PersistentState& state) {
  auto saved = store_.save(state);
  if (saved) {
    log::notice("Sentinel new configuration saved on disk");
  } else {
    ++save_errors_;
    log::warning("WARNING: Sentinel was not able to save the new configuration on disk!!!: {}", saved.error().text);
  }
  if (!store_.settled()) settle_later(kSettle);
  return saved;
}

// The configuration file catches up with the journal: not while somebody waits for a vote.
void SentinelServer::settle() {
  const auto settled = store_.settle();
  if (settled) return;
  ++save_errors_;
  log::warning("WARNING: Sentinel was not able to save the new configuration on disk!!!: {}", settled.error().text);
  settle_later(kSettleRetry);
}

void SentinelServer::settle_later(Nanos pause) {
  if (settle_planned_) return;
  settle_planned_ = true;
  settle_timer_.expires_after(pause);
  settle_timer_.async_wait([this](boost::system::error_code error) {
    if (error) return;
    settle_planned_ = false;
    settle();
  });
}

void SentinelServer::announce(const Notice& notice) {
  const EventInfo& info = info_of(notice.event);
  switch (info.level) {
    case EventLevel::verbose:
      log::verbose("{}", notice.log_line());
      break;
    case EventLevel::notice:
      log::notice("{}", notice.log_line());
      break;
    case EventLevel::warning:
      log::warning("{}", notice.log_line());
      break;
  }
  server_.pubsub.publish(info.name, notice.payload);
  if (info.level == EventLevel::warning && !notice.notification_script.empty()) {
    scripts_.run({notice.notification_script, std::string(info.name), notice.payload});
  }
  if (!notice.reconfig_script.empty()) scripts_.run(notice.reconfig_script);
  if (notice.event == Event::vote_for_leader) history_.vote();
  events_.add(info.name, notice.payload, to_unix_ms(clock_.wall_now()));
}

int64_t SentinelServer::started_ms(const FailoverRecord& record) const {
  return to_unix_ms(clock_.wall_now()) - count_ms(clock_.now() - record.started);
}

void SentinelServer::keep(FailoverRecord record) {
  record.started_unix_ms = started_ms(record);
  history_.add(std::move(record));
  record_file_.append(history_.all().back(), history_.all());
}

void SentinelServer::crash_if_simulated(const std::vector<Notice>& notices) const {
  for (const Notice& notice : notices) {
    const bool crash = ((simulated_failures_ & kCrashAfterElection) != 0 && notice.event == Event::elected_leader) ||
                       ((simulated_failures_ & kCrashAfterPromotion) != 0 && notice.event == Event::promoted_slave);
    if (!crash) continue;
    log::warning("Sentinel CRASH because of SENTINEL simulate-failure");
    ::_exit(kSimulatedCrashExit);
  }
}

template <class Event>
void SentinelServer::drive(const Event& event) {
  const Instant started = clock_.now();
  (void)perform(event(started));
  const Nanos took = clock_.now() - started;
  if (took >= kStall) stalls_.observe(took);
}

void SentinelServer::link_up(LinkId link, const std::string& local_ip) {
  drive([&](Instant now) { return core_.link_up(link, local_ip, now); });
}

void SentinelServer::link_down(LinkId link, const Error& reason) {
  log::debug("link {} is down: {}", link, reason.text);
  const LinkEnd how = reason.code == ECONNREFUSED ? LinkEnd::refused : LinkEnd::lost;
  drive([&](Instant now) { return core_.link_down(link, now, how); });
}

void SentinelServer::name_resolved(const std::string& name, const std::vector<std::string>& addresses) {
  drive([&](Instant now) { return core_.resolved(name, addresses, now); });
}

void SentinelServer::link_hello(LinkId link, std::string_view text) {
  drive([&](Instant now) { return core_.hello_on_link(link, text, now); });
}

void SentinelServer::link_replied(LinkId link, RequestId request, std::span<const Reply> replies) {
  drive([&](Instant now) { return core_.replied(link, request, replies, now); });
}

void SentinelServer::arm_timer() {
  if (timer_at_ == core_.next_deadline()) return;
  const Instant now = clock_.now();
  const Instant at = std::min(core_.next_deadline(), now + kLongestWait);
  timer_at_ = at;
  core_timer_.expires_after(std::max(Nanos(0), at - now));
  core_timer_.async_wait([this](boost::system::error_code error) {
    if (error) return;
    timer_at_.reset();
    drive([this](Instant at_once) { return core_.advance(at_once); });
  });
}

// Statistics only: nothing that the core decides waits for this.
void SentinelServer::housekeep() {
  const Instant now = clock_.now();
  dispatcher_.sample_rates(now);
  if (now >= sweep_at_) {
    sweep_at_ = now + kSweep;
    std::set<Endpoint> known;
    for (const InstanceSummary& instance : core_.instance_summaries()) known.insert(instance.address);
    links_.keep_cached_info(known);
  }
  publish_soon();
  housekeeping_timer_.expires_after(kHousekeeping);
  housekeeping_timer_.async_wait([this](boost::system::error_code error) {
    if (!error) housekeep();
  });
}

void SentinelServer::publish_soon() {
  if (publish_planned_ || http_ == nullptr || options_.http.port == 0) return;
  publish_planned_ = true;
  publish_timer_.expires_after(std::max(Nanos(0), published_ + kPublishPause - clock_.now()));
  publish_timer_.async_wait([this](boost::system::error_code error) {
    if (error) return;
    publish_planned_ = false;
    publish();
  });
}

void SentinelServer::publish() {
  if (http_ == nullptr || options_.http.port == 0) return;
  published_ = clock_.now();
  auto facts = std::make_shared<SentinelFacts>(collect_facts(core_, published_));
  facts->info = info_text(server_, dispatcher_.stats(), *this, {});
  facts->ready &= !stopping_ && !catching_up_;
  facts->running_scripts = static_cast<unsigned>(scripts_.queue().running());
  facts->scripts_queue_length = static_cast<unsigned>(scripts_.queue().scripts().size());
  facts->simulate_failure_flags = simulated_failures_;
  facts->state_save_errors = save_errors_;
  facts->event_loop_stall = stalls_;
  history_.fill(*facts);
  facts->events = events_.published();
  for (MonitoredPrimaryFacts& primary : facts->primaries) {
    if (primary.failover) primary.failover->started_unix_ms = started_ms(*primary.failover);
  }
  http_->publish(sentinel_snapshot(std::move(facts)));
}

}  // namespace holdfast::sentinel
