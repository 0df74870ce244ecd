#include "node/io/process_driver.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <boost/asio/post.hpp>
#include <algorithm>
#include <cerrno>

#include "common/log/log.h"
#include "node/io/persistence_driver.h"
#include "node/io/process_facts.h"
#include "node/persistence/snapshot.h"

namespace holdfast::node {

namespace {

// SIGINT while the final save keeps the event loop from seeing signals: the temporary file goes, and the process at once.
class InsistentInterrupt {
 public:
  InsistentInterrupt(const std::string& temporary, const std::string& pid_file) {
    copy(temporary_, temporary);
    copy(pid_file_, pid_file);
    struct sigaction action {};
    action.sa_handler = leave;
    ::sigaction(SIGINT, &action, &before_);
  }
  ~InsistentInterrupt() { ::sigaction(SIGINT, &before_, nullptr); }
  InsistentInterrupt(const InsistentInterrupt&) = delete;
  InsistentInterrupt& operator=(const InsistentInterrupt&) = delete;

 private:
  static void copy(char (&to)[4096], const std::string& from) { to[from.copy(to, sizeof to - 1)] = 0; }
  static void leave(int) {  // only what may be called in a signal handler
    ::unlink(temporary_);
    if (pid_file_[0] != 0) ::unlink(pid_file_);
    ::_exit(1);
  }
  static inline char temporary_[4096], pid_file_[4096];
  struct sigaction before_ {};
};

}  // namespace

ProcessDriver::ProcessDriver(boost::asio::io_context& io, const Clock& clock, const NodeOptions& options,
                             std::string config_file, RunId run_id)
    : io_(io), clock_(clock), options_(options), config_file_(std::move(config_file)), run_id_(run_id),
      started_(clock.now()), alarm_(io) {}

void ProcessDriver::attach(Node& node, PersistenceDriver& persistence) {
  node_ = &node;
  persistence_ = &persistence;
}

void ProcessDriver::note_startup_memory() { startup_bytes_ = memory::used_bytes(); }

void ProcessDriver::wake_at(Instant due) {
  if (due >= alarm_due_ && alarm_due_ > clock_.now()) return;  // that one comes first and asks anew
  alarm_due_ = due;
  alarm_.expires_after(std::max(due - clock_.now(), Nanos(0)));
  alarm_.async_wait([this](boost::system::error_code error) {
    if (error) return;
    alarm_due_ = Instant::max();
    node_->end_overdue_waits();
  });
}

void ProcessDriver::run_soon(std::function<void()> work) { boost::asio::post(io_.get_executor(), std::move(work)); }

void ProcessDriver::release_free_memory() { node::release_free_memory(); }

std::optional<int64_t> ProcessDriver::allocator_control(const std::string& name, std::optional<int64_t> value) {
  return node::allocator_control(name, value);
}

bool ProcessDriver::allocator_act(const std::string& name) { return node::allocator_act(name); }

std::string ProcessDriver::allocator_statistics() const { return node::allocator_statistics(); }

void ProcessDriver::block_for(Micros duration) {
  const int64_t micros = duration.count();
  timespec left{micros / 1'000'000, micros % 1'000'000 * 1000};
  while (::nanosleep(&left, &left) != 0 && errno == EINTR) {
  }
}

ProcessFacts ProcessDriver::facts() const {
  ProcessFacts facts;
  facts.pid = ::getpid();
  facts.run_id = run_id_;
  facts.tcp_port = options_.port;
  facts.executable = executable_path();
  facts.config_file = config_file_;
  facts.system = system_name();
  facts.uptime = std::chrono::duration_cast<Seconds>(clock_.now() - started_);
  const MemoryFacts memory = allocator_facts();
  facts.allocated_bytes = memory.allocated_bytes;
  facts.active_bytes = memory.active_bytes;
  facts.resident_bytes = memory.resident_bytes;
  facts.startup_bytes = startup_bytes_;
  facts.rss_bytes = resident_set_bytes();
  facts.total_system_bytes = system_memory_bytes();
  facts.allocator = allocator_name();
  const CpuFacts cpu = cpu_facts();
  facts.cpu_system = cpu.system_s;
  facts.cpu_user = cpu.user_s;
  facts.cpu_system_children = cpu.children_system_s;
  facts.cpu_user_children = cpu.children_user_s;
  facts.cpu_system_main_thread = cpu.thread_system_s;
  facts.cpu_user_main_thread = cpu.thread_user_s;
  if (stage_ == Stage::waiting_for_replicas) {
    facts.shutdown_in = std::max(Millis(0), std::chrono::duration_cast<Millis>(patience_ends_ - clock_.now()));
  }
  return facts;
}

void ProcessDriver::shutdown(const ShutdownRequest& request, std::function<void(std::string_view)> failed) {
  if (stage_ == Stage::leaving) return;
  failed_.push_back(std::move(failed));
  request_ = request;
  if (stage_ == Stage::waiting_for_replicas) {
    // A second request decides how it ends; one that does not wait ends it now.
    if (request.now) save_and_leave();
    return;
  }
  log::warning("User requested shutdown...");
  Replication& replication = node_->replication();
  last_offset_ = replication.offset();
  const auto patience = std::chrono::duration_cast<Millis>(options_.shutdown_timeout);
  if (request.now || patience.count() == 0 || replicas_have_all()) return save_and_leave();
  stage_ = Stage::waiting_for_replicas;
  patience_ends_ = clock_.now() + patience;
  log::notice("Waiting for replicas before shutting down.");
  auto& server = node_->server();
  server.pause(server::Server::Pause::writes, clock_.now() + patience + Seconds(1), server::Server::PausePurpose::shutdown);
  const AckTarget target{.offset = last_offset_, .replicas = replication.role().replicas.size()};
  replica_wait_ = replication.wait(target, patience, [this](std::optional<size_t>) {
    replica_wait_ = 0;
    if (stage_ == Stage::waiting_for_replicas) save_and_leave();
  });
}

bool ProcessDriver::replicas_have_all() const {
  const RoleReport role = node_->replication().role();
  return std::ranges::all_of(role.replicas, [this](const ReplicaRow& row) { return row.offset >= last_offset_; });
}

void ProcessDriver::log_replicas() const {
  const RoleReport role = node_->replication().role();
  if (role.replicas.empty()) return;
  size_t in_sync = 0;
  for (const ReplicaRow& row : role.replicas) {
    if (row.offset >= last_offset_) {
      ++in_sync;
      continue;
    }
    log::warning("Lagging replica {} reported offset {} behind master, lag={}, state={}.", fmt::format("{}:{}", row.ip, row.port),
                 last_offset_ - row.offset, row.lag_s, row.state);
  }
  log::notice("{} of {} replicas are in sync when shutting down.", in_sync, role.replicas.size());
}

void ProcessDriver::shutdown_by_signal(const ShutdownRequest& request, std::function<void(std::string_view)> failed) {
  if (!node_->debug().cron_paused) return shutdown(request, std::move(failed));
  signalled_.emplace(request, std::move(failed));
}

void ProcessDriver::tick() {
  if (signalled_ && !node_->debug().cron_paused) {
    auto [request, failed] = *std::exchange(signalled_, std::nullopt);
    shutdown(request, std::move(failed));
  }
  if (stage_ == Stage::waiting_for_replicas && replicas_have_all()) save_and_leave();
}

bool ProcessDriver::abort_shutdown() {
  if (signalled_) {
    signalled_.reset();
    log::notice("Shutdown manually aborted.");
    return true;
  }
  if (stage_ != Stage::waiting_for_replicas) return false;
  log::notice("Shutdown manually aborted.");
  call_off("ERR Errors trying to SHUTDOWN. Check logs.");
  return true;
}

void ProcessDriver::panic(std::string_view why) {
  log::warning("Guru Meditation: {}", why);
  log::warning("The process ends without saving, as propagation-error-behavior says");
  if (!options_.pidfile.empty()) ::unlink(options_.pidfile.c_str());
  ::_exit(1);
}

void ProcessDriver::call_off(std::string_view error) {
  stage_ = Stage::none;
  if (replica_wait_ != 0) node_->replication().cancel_wait(replica_wait_);
  replica_wait_ = 0;
  node_->server().unpause(server::Server::PausePurpose::shutdown);
  for (const auto& failed : std::exchange(failed_, {})) failed(error);
}

void ProcessDriver::save_and_leave() {
  stage_ = Stage::leaving;
  if (replica_wait_ != 0) node_->replication().cancel_wait(replica_wait_);
  replica_wait_ = 0;
  log_replicas();
  const bool save = request_.save == ShutdownRequest::Save::always ||
                    (request_.save == ShutdownRequest::Save::by_save_points && persistence_->has_save_points());
  const InsistentInterrupt interrupt(temporary_rdb_path(".", ::getpid()), options_.pidfile);
  if (!persistence_->finish(save, request_.force)) {
    log::warning("Errors trying to shut down the server. Check the logs for more information.");
    return call_off("ERR Errors trying to SHUTDOWN. Check logs.");
  }
  // Before any client sees its connection end: a new one must not get in.
  node_->server().stop_listening();
  log::warning("Redis is now ready to exit, bye bye...");
  io_.stop();
}

}  // namespace holdfast::node
