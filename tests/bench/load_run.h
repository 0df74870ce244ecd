// A closed loop of load on one server: each connection sends a pipeline of requests in one write, waits for all their
// replies and sends the next. One thread, level-triggered epoll.
//
// What is measured begins after the warm-up and ends with the last second (or request) asked for; the CPU time of
// server and load is read at the same two instants. A latency is from the write of a request's pipeline to the read
// that brought its reply. Errors: operating errors in the Result; error replies are counted, not fatal.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/random.h"
#include "common/base/result.h"
#include "tests/bench/latency_recorder.h"
#include "tests/bench/reply_scanner.h"
#include "tests/bench/request_template.h"

namespace holdfast::bench {

struct LoadOptions {
  uint16_t port = 6379;
  size_t connections = 50;
  size_t pipeline = 1;
  std::vector<RequestTemplate> mix;  // taken with equal chance; repeat one to give it weight
  Sequence sequence;
  uint64_t requests = 0;  // 0: `seconds` decide
  double seconds = 0;
  double warmup_seconds = 0;
  double requests_per_second = 0;  // 0: as fast as the replies come
  pid_t server = 0;                // whose CPU time to read; 0: nobody's
  uint64_t seed = 1;
};

struct LoadFigures {
  uint64_t requests = 0;  // answered within the measured time
  double seconds = 0;
  double server_cpu_seconds = 0;
  double load_cpu_seconds = 0;
  uint64_t errors = 0;  // over the whole run
  uint64_t nulls = 0;
  std::string first_error;
  LatencyRecorder latency;
};

class LoadRun {
 public:
  explicit LoadRun(LoadOptions options);
  ~LoadRun();
  LoadRun(const LoadRun&) = delete;
  LoadRun& operator=(const LoadRun&) = delete;

  Result<LoadFigures> run();

 private:
  struct Client {
    int fd = -1;
    size_t awaited = 0;  // replies of the pipeline in flight
    uint64_t sent_at = 0;
    std::string output;
    size_t output_sent = 0;
    bool wants_write = false;
    ReplyScanner scanner;
  };

  Result<> connect_all();
  Result<> loop();
  Result<> flush(Client& client);
  Result<> read_replies(Client& client);
  Result<> begin_pipeline(Client& client);
  Result<> wake_idle();
  // Moves between warm-up, measuring and draining as time goes by.
  void follow_time();
  void begin_measuring();
  void end_measuring();
  // How many requests may be sent now, at most a pipeline.
  size_t allowance() const;

  enum class Phase { kWarmup, kMeasuring, kDraining };

  LoadOptions options_;
  LoadFigures figures_;
  SeededRandom random_;
  std::vector<Client> clients_;
  std::vector<size_t> idle_;  // clients without a request in flight, while requests may come again
  std::vector<char> input_;
  int epoll_ = -1;
  Phase phase_ = Phase::kWarmup;
  uint64_t begun_ = 0;
  uint64_t measuring_since_ = 0;
  uint64_t server_cpu_ = 0;
  uint64_t load_cpu_ = 0;
  uint64_t sent_ = 0;
  uint64_t answered_ = 0;
  uint64_t now_ = 0;
};

}  // namespace holdfast::bench
