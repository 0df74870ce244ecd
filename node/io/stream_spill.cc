#include "node/io/stream_spill.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <chrono>
#include <utility>

#include "common/memory/usage.h"
#include "common/process/helper_thread.h"

namespace holdfast::node {

namespace {

constexpr uint64_t kSegmentBytes = 64ull * 1024 * 1024;
// As the lazy-free thread's: one that goes to sleep by itself is no burden on a core that it shares.
constexpr std::chrono::microseconds kWork{200};
constexpr std::chrono::microseconds kRest{100};
constexpr size_t kPressing = 8 * 1024 * 1024;  // no rest while so much waits: it is in memory
// A thread that shares the process's open files costs the executor a little with each use of a socket.
constexpr std::chrono::seconds kIdle{5};

}  // namespace

StreamSpill::StreamSpill(boost::asio::io_context& io, FileSystem& files, StreamBacklog& backlog, std::string name, Events events)
    : io_(io), files_(files), backlog_(backlog), name_(std::move(name)), events_(std::move(events)) {}

StreamSpill::~StreamSpill() {
  stop();
  if (thread_.joinable()) thread_.join();
}

void StreamSpill::stop() {
  *alive_ = false;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
}

void StreamSpill::set_directory(const std::string& directory) {
  const std::lock_guard lock(mutex_);
  directory_ = directory;
}

void StreamSpill::remove_leftover(FileSystem& files, const std::string& directory, const std::string& name) {
  const std::string path = join_path(directory, name);
  if (files.exists(path)) (void)files.remove(path);  // if not, the next segment is made over it
}

void StreamSpill::write(uint64_t round, uint64_t chunk, std::shared_ptr<const char[]> bytes, size_t size) {
  push({.chunk = chunk, .size = size, .is_write = true, .bytes = std::move(bytes), .round = round});
}

void StreamSpill::read(uint64_t chunk, size_t size) { push({.chunk = chunk, .size = size}); }

void StreamSpill::forget_below(uint64_t chunk) {
  {
    const std::lock_guard lock(mutex_);
    forget_below_ = chunk;
  }
  changed_.notify_one();
}

void StreamSpill::push(Job job) {
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
  }
  if (stopped_) {  // it never goes with a job left
    if (thread_.joinable()) thread_.join();
    stopped_ = false;
    thread_ = std::thread([this] { run(); });
  }
  changed_.notify_one();
}

// --- The thread.

void StreamSpill::run() {
  process::name_thread("stream_spill");
  const memory::ThreadAccount account;
  auto begin = std::chrono::steady_clock::now();
  uint64_t forgotten = 0;
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (forgotten != forget_below_) {
      forgotten = forget_below_;
      lock.unlock();
      std::erase_if(segments_, [&](const Segment& segment) { return segment.end <= forgotten; });
      lock.lock();
    } else if (jobs_.empty()) {
      const bool idle = changed_.wait_for(lock, kIdle) == std::cv_status::timeout;
      if (idle && jobs_.empty() && segments_.empty()) break;
      begin = std::chrono::steady_clock::now();
    } else {
      Job job = std::move(jobs_.front());
      jobs_.pop_front();
      const size_t pressing = jobs_.size() * job.size;
      lock.unlock();
      // Of one that nobody needs any more nothing is told but that it is done.
      report(job.chunk < forgotten ? Outcome{.job = {.chunk = job.chunk, .is_write = job.is_write, .round = job.round}}
                                   : carry_out(std::move(job)));
      if (pressing < kPressing && std::chrono::steady_clock::now() - begin >= kWork) {
        std::this_thread::sleep_for(kRest);
        begin = std::chrono::steady_clock::now();
      }
      lock.lock();
    }
  }
  segments_.clear();
  stopped_ = true;
}

StreamSpill::Outcome StreamSpill::carry_out(Job job) {
  Outcome outcome;
  if (!job.is_write) {
    auto bytes = read_chunk(job);
    if (bytes) {
      outcome.bytes = std::move(*bytes);
    } else {
      outcome.error = bytes.error().text;
    }
  } else if (job.round == failed_round_) {
    outcome.error = "a chunk before it was not written";  // of a round that is over: nobody asks
  } else if (const auto written = write_chunk(job); !written) {
    failed_round_ = job.round;
    outcome.error = written.error().text;
  }
  job.bytes.reset();
  outcome.job = std::move(job);
  return outcome;
}

Result<> StreamSpill::write_chunk(const Job& job) {
  const bool fits = !segments_.empty() && !segments_.back().ended && segments_.back().end == job.chunk &&
                    segments_.back().chunk_bytes == job.size &&
                    (job.chunk + 1 - segments_.back().first) * job.size <= kSegmentBytes;
  if (!fits) {
    if (auto begun = begin_segment(job); !begun) return begun;
  }
  Segment& segment = segments_.back();
  if (auto appended = segment.file->append({job.bytes.get(), job.size}); !appended) {
    // An unknown part of it is there.
    segment.ended = true;
    if (segment.end == segment.first) segments_.pop_back();
    return appended;
  }
  ++segment.end;
  return {};
}

Result<> StreamSpill::begin_segment(const Job& job) {
  std::string directory;
  {
    const std::lock_guard lock(mutex_);
    directory = directory_;
  }
  const auto space = files_.space(directory);
  if (space && space->available < kSegmentBytes + std::min(kReserve, space->total / 20)) {
    return fail("{}: only {} MB are left on the disk", directory, space->available >> 20);
  }
  const std::string path = join_path(directory, name_);
  auto file = files_.open(path, FileSystem::Mode::create);
  if (!file) return std::unexpected(file.error());
  if (auto removed = files_.remove(path); !removed) return removed;
  segments_.push_back({.file = std::move(*file), .first = job.chunk, .end = job.chunk, .chunk_bytes = job.size});
  return {};
}

Result<std::shared_ptr<char[]>> StreamSpill::read_chunk(const Job& job) {
  // From behind: one that was written again after a failure is whole in its last place.
  const auto segment = std::find_if(segments_.rbegin(), segments_.rend(), [&](const Segment& candidate) {
    return candidate.first <= job.chunk && job.chunk < candidate.end;
  });
  if (segment == segments_.rend()) return fail("{}: chunk {} is not there", name_, job.chunk);
  auto bytes = make_chunk(job.size);
  const uint64_t offset = (job.chunk - segment->first) * job.size;
  for (size_t got = 0; got < job.size;) {
    const auto count = segment->file->read_at(offset + got, {bytes.get() + got, job.size - got});
    if (!count) return std::unexpected(count.error());
    if (*count == 0) return fail("{}: it is shorter than it was", name_);
    got += *count;
  }
  return bytes;
}

void StreamSpill::report(Outcome outcome) {
  const std::lock_guard lock(mutex_);
  results_.push_back(std::move(outcome));
  if (results_.size() > 1) return;  // its handler is on its way
  boost::asio::post(io_, [this, alive = alive_] {
    if (*alive) take_results();
  });
}

// --- The executor again.

void StreamSpill::take_results() {
  std::deque<Outcome> results;
  {
    const std::lock_guard lock(mutex_);
    results.swap(results_);
  }
  bool arrived = false;
  for (Outcome& outcome : results) {
    if (!outcome.job.is_write) {
      backlog_.read_done(outcome.job.chunk, std::move(outcome.bytes));
      if (!outcome.error.empty()) events_.read_failed(outcome.error);
      arrived = true;
      continue;
    }
    const bool ok = outcome.error.empty();
    const bool failed_before = backlog_.spill_failed();
    backlog_.written(outcome.job.round, outcome.job.chunk, ok);
    if (failed_before == backlog_.spill_failed()) continue;
    ok ? events_.write_recovered() : events_.write_failed(outcome.error);
  }
  if (arrived) events_.arrived();
}

}  // namespace holdfast::node
