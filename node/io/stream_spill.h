// The files behind a StreamBacklog: chunks that have left memory, on their way to slow replicas.
//
// A thread of its own writes and reads them, a chunk at a time: the executor never waits for a disk, and the page cache,
// which holds back whoever writes faster than the disk, holds back nobody else. It rests now and then, so that it does not
// keep the executor from a core that they share; and it ends when there has been nothing to do for a while.
//
// Chunks lie one behind the other in segments of 64 MB. A segment has no name from the moment it was made, so a node that
// ends or is killed leaves nothing; it is given back when nobody needs any of it. Before each new one, the folder's file
// system must have room: see kReserve. What is on disk is never synced, as it is of no use to the next process.
//
// Executor thread, but for the thread itself. The backlog outlives this and does not use this any more once it is gone.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "common/fs/file_system.h"
#include "node/replication/stream_backlog.h"

namespace holdfast::node {

class StreamSpill final : public SpillStore {
 public:
  // Left free on the folder's file system, for everything else that is written there; on small ones a twentieth.
  static constexpr uint64_t kReserve = 1024ull * 1024 * 1024;

  struct Events {
    std::function<void()> arrived;                                 // readers may go on
    std::function<void(const std::string& reason)> write_failed;   // at the first of a row
    std::function<void()> write_recovered;
    std::function<void(const std::string& reason)> read_failed;    // see StreamBacklog::lost_below()
  };

  // `name` of the files, for the moment in which they have one, and for error texts.
  StreamSpill(boost::asio::io_context& io, FileSystem& files, StreamBacklog& backlog, std::string name, Events events);
  ~StreamSpill() override;
  StreamSpill(const StreamSpill&) = delete;
  StreamSpill& operator=(const StreamSpill&) = delete;

  void set_directory(const std::string& directory);  // for new segments
  // Nothing more is carried out or told. stopped(): its files are closed, and the destructor does not wait.
  void stop();
  bool stopped() const { return stopped_; }
  // Removes what a process left that was killed while it made a segment.
  static void remove_leftover(FileSystem& files, const std::string& directory, const std::string& name);

  void write(uint64_t round, uint64_t chunk, std::shared_ptr<const char[]> bytes, size_t size) override;
  void read(uint64_t chunk, size_t size) override;
  void forget_below(uint64_t chunk) override;

 private:
  struct Job {
    uint64_t chunk = 0;
    size_t size = 0;
    bool is_write = false;
    std::shared_ptr<const char[]> bytes;  // to write
    uint64_t round = 0;
  };
  struct Outcome {
    Job job;
    std::shared_ptr<char[]> bytes;  // read
    std::string error;
  };
  struct Segment {
    std::unique_ptr<File> file;
    uint64_t first = 0, end = 0;  // chunks
    size_t chunk_bytes = 0;
    bool ended = false;  // nothing more is appended
  };

  void push(Job job);
  void run();
  Outcome carry_out(Job job);
  Result<> write_chunk(const Job& job);
  Result<std::shared_ptr<char[]>> read_chunk(const Job& job);
  Result<> begin_segment(const Job& job);
  void report(Outcome result);
  void take_results();

  boost::asio::io_context& io_;
  FileSystem& files_;
  StreamBacklog& backlog_;
  const std::string name_;
  const Events events_;

  std::mutex mutex_;  // guards the next ones
  std::condition_variable changed_;
  std::deque<Job> jobs_;
  std::deque<Outcome> results_;
  std::string directory_ = ".";
  uint64_t forget_below_ = 0;
  bool stopping_ = false;
  std::atomic<bool> stopped_{true};  // no thread runs; it changes that with the lock held

  std::vector<Segment> segments_;  // of the thread
  uint64_t failed_round_ = UINT64_MAX;
  std::thread thread_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // handlers in flight look at it
};

}  // namespace holdfast::node
