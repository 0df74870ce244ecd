// The node's process: its facts for INFO, and the way down (SHUTDOWN, SIGTERM).
//
// Shutting down: wait for lagging replicas (writes paused, at most shutdown-timeout), save as asked, finish the
// append-only file, leave the event loop. A failed save calls it off, unless forced. Executor thread only.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/memory/usage.h"
#include "common/time/clock.h"
#include "node/commands/node.h"
#include "node/commands/process_control.h"
#include "node/options/node_options.h"

namespace holdfast::node {

class PersistenceDriver;

class ProcessDriver final : public ProcessControl {
 public:
  ProcessDriver(boost::asio::io_context& io, const Clock& clock, const NodeOptions& options, std::string config_file,
                RunId run_id);

  // Before the first request.
  void attach(Node& node, PersistenceDriver& persistence);
  void note_startup_memory();

  void shutdown(const ShutdownRequest& request, std::function<void(std::string_view error)> failed) override;
  bool abort_shutdown() override;
  void panic(std::string_view why) override;
  // A signal's: where DEBUG PAUSE-CRON is on it is taken up when that ends, as in Redis, whose signals wait for the cron.
  void shutdown_by_signal(const ShutdownRequest& request, std::function<void(std::string_view error)> failed);
  // A few times a second: replicas that went away are not waited for.
  void tick();
  bool shutting_down() const { return stage_ != Stage::none; }

  void block_for(Micros duration) override;
  ProcessFacts facts() const override;
  uint64_t used_memory() const override { return memory::used_bytes(); }
  void wake_at(Instant due) override;
  void run_soon(std::function<void()> work) override;
  void release_free_memory() override;
  std::string allocator_statistics() const override;
  std::optional<int64_t> allocator_control(const std::string& name, std::optional<int64_t> value) override;
  bool allocator_act(const std::string& name) override;
  int64_t unix_micros() const override { return system_unix_micros(); }

 private:
  bool replicas_have_all() const;
  void log_replicas() const;
  void save_and_leave();
  void call_off(std::string_view error);

  enum class Stage : uint8_t { none, waiting_for_replicas, leaving };

  boost::asio::io_context& io_;
  const Clock& clock_;
  const NodeOptions& options_;
  const std::string config_file_;
  const RunId run_id_;
  const Instant started_;
  Node* node_ = nullptr;
  PersistenceDriver* persistence_ = nullptr;
  uint64_t startup_bytes_ = 0;
  boost::asio::steady_timer alarm_;
  Instant alarm_due_ = Instant::max();
  Stage stage_ = Stage::none;
  ShutdownRequest request_;
  std::optional<std::pair<ShutdownRequest, std::function<void(std::string_view)>>> signalled_;  // not taken up yet
  int64_t last_offset_ = 0;  // of the stream when the shutdown began: what follows are pings and questions
  Instant patience_ends_;  // with replicas that lag
  std::vector<std::function<void(std::string_view)>> failed_;  // of all who asked
  Replication::WaitToken replica_wait_ = 0;
};

}  // namespace holdfast::node
