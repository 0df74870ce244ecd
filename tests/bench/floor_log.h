// The floor under `appendfsync always`: bytes of requests are written, and told to be on the disk once a sync that began
// later has ended. Nothing but the system calls: threads whose syncs overlap, into a file whose space is there already; it
// is gone round, since nobody reads it.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::bench {

class FloorLog {
 public:
  static constexpr size_t kSyncs = 12;
  static constexpr size_t kFileBytes = 32 * 1024 * 1024;

  // Never ends: its threads live as long as the process. Throws std::system_error.
  explicit FloorLog(const std::string& path);

  // The server's thread. A request of the client, and the end of a turn.
  void add(int client, std::string_view request);
  void flush();
  // Readable when clients can be answered; one answer each time that a client is in there.
  int done_event() const { return done_event_; }
  std::vector<int> take_done();

 private:
  struct Group {
    std::string bytes;
    std::vector<int> clients;
  };
  void run();

  const std::string path_;
  const int file_;
  const int done_event_;
  Group turn_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable wake_;
  Group waiting_;
  std::deque<std::vector<int>> written_;  // whose sync has not ended, from number first_ on
  uint64_t first_ = 0;
  std::vector<int> done_;
  bool writing_ = false;
  size_t at_ = 0;  // in the file; the writing thread's
};

}  // namespace holdfast::bench
