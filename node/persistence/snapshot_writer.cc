#include "node/persistence/snapshot_writer.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "node/persistence/byte_stream.h"
#include "node/persistence/snapshot_replay.h"

namespace holdfast::node {

namespace {

constexpr size_t kUsedKept = 8;

}  // namespace

// A descriptor that may be slow: looks up now and then whether anybody still wants the snapshot.
class SnapshotWriter::Sink final : public ByteSink {
 public:
  Sink(int descriptor, const std::atomic<bool>& aborted) : descriptor_(descriptor), aborted_(aborted) {}

  Result<> write(std::string_view bytes) override {
    constexpr int kLookMs = 20;
    while (!bytes.empty()) {
      if (aborted_.load(std::memory_order_relaxed)) return fail("cancelled");
      const ssize_t count = ::write(descriptor_, bytes.data(), bytes.size());
      if (count >= 0) {
        bytes.remove_prefix(static_cast<size_t>(count));
      } else if (errno == EAGAIN) {
        pollfd room{descriptor_, POLLOUT, 0};
        (void)::poll(&room, 1, kLookMs);
      } else if (errno != EINTR) {
        return fail_errno(errno, "Can't write the snapshot");
      }
    }
    return {};
  }

 private:
  const int descriptor_;
  const std::atomic<bool>& aborted_;
};

SnapshotWriter::SnapshotWriter(FileSystem& fs, const SnapshotRequest& request, std::vector<DatabaseSize> databases,
                               Notify notify, std::function<void()> on_start, KeyDelay key_delay)
    : fs_(fs), request_(request), databases_(std::move(databases)), notify_(std::move(notify)),
      on_start_(std::move(on_start)), key_delay_(std::move(key_delay)) {
  if (request.descriptor >= 0) {
    descriptor_ = ::fcntl(request.descriptor, F_DUPFD_CLOEXEC, 0);
    (void)::fcntl(descriptor_, F_SETFL, O_NONBLOCK);
  }
  thread_ = std::thread([this] { run(); });
}

SnapshotWriter::~SnapshotWriter() {
  abort();
  thread_.join();
  if (descriptor_ >= 0) ::close(descriptor_);
}

// --- The executor's side ---

void SnapshotWriter::push(Chunk chunk) {
  waiting_.fetch_add(1, std::memory_order_relaxed);
  const std::lock_guard lock(mutex_);
  queue_.push_back(std::move(chunk));
  changed_.notify_all();
}

void SnapshotWriter::end() {
  const std::lock_guard lock(mutex_);
  ended_ = true;
  changed_.notify_all();
}

void SnapshotWriter::abort() {
  aborted_.store(true, std::memory_order_relaxed);
  const std::lock_guard lock(mutex_);
  changed_.notify_all();
}

std::optional<Chunk> SnapshotWriter::used() {
  const std::lock_guard lock(mutex_);
  if (used_.empty()) return std::nullopt;
  Chunk chunk = std::move(used_.back());
  used_.pop_back();
  return chunk;
}

void SnapshotWriter::wait(Nanos most) {
  const size_t before = waiting();
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, most, [&] { return done() || waiting() < before; });
}

Nanos SnapshotWriter::cpu_time() { return done() ? Nanos(0) : thread_cpu_time(thread_.native_handle()); }

// --- The writer's side ---

std::optional<Chunk> SnapshotWriter::next() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !queue_.empty() || ended_ || aborted_.load(std::memory_order_relaxed); });
  if (queue_.empty() || aborted_.load(std::memory_order_relaxed)) return std::nullopt;
  Chunk chunk = std::move(queue_.front());
  queue_.pop_front();
  return chunk;
}

void SnapshotWriter::finished_with(Chunk chunk) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.fetch_sub(1, std::memory_order_relaxed);
    if (chunk.capacity == Chunk::kBytes && used_.size() < kUsedKept) used_.push_back(std::move(chunk));
    changed_.notify_all();
  }
  if (room_wanted_.exchange(false, std::memory_order_relaxed)) notify_();
}

Result<> SnapshotWriter::write_records(ByteSink& sink) {
  SnapshotReplay::Progress progress;
  progress.aborted = [this] { return aborted(); };
  if (key_delay_) {
    progress.at_key = [this] {
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, key_delay_(), [this] { return aborted(); });
    };
  }
  const auto replay = SnapshotReplay::make(sink, request_, databases_, progress);
  replay->begin();
  while (auto chunk = next()) {
    if (auto replayed = replay->replay(chunk->text()); !replayed) return replayed;
    keys_.store(replay->keys(), std::memory_order_relaxed);
    bytes_.store(replay->bytes_put(), std::memory_order_relaxed);
    finished_with(std::move(*chunk));
  }
  if (aborted_.load(std::memory_order_relaxed)) return fail("cancelled");
  auto finished = replay->finish();
  bytes_.store(replay->bytes_put(), std::memory_order_relaxed);
  return finished;
}

Result<> SnapshotWriter::write_file() {
  const std::string directory = directory_of(request_.path);
  const std::string temporary = temporary_rdb_path(directory, ::gettid());
  auto file = fs_.open(temporary, FileSystem::Mode::create);
  if (!file) return std::unexpected(std::move(file.error()));
  FileSink sink(**file, request_.incremental_sync ? kSyncEveryBytes : 0,
                request_.purpose == SnapshotPurpose::transfer ? FileSink::Cached::yes : FileSink::Cached::no);
  Result<> done = write_records(sink);
  if (done) done = sink.finish();
  file->reset();
  if (done && aborted()) done = fail("cancelled");
  if (done) done = fs_.rename(temporary, request_.path);
  if (done) return fs_.sync_directory(directory);
  (void)fs_.remove(temporary);
  return done;
}

Result<> SnapshotWriter::write() {
  if (request_.descriptor < 0) return write_file();
  if (descriptor_ < 0) return fail("Can't duplicate the snapshot's descriptor");
  Sink sink(descriptor_, aborted_);
  auto written = write_records(sink);
  ::close(std::exchange(descriptor_, -1));  // the reader's end
  return written;
}

void SnapshotWriter::run() {
  sigset_t pipe;
  ::sigemptyset(&pipe);
  ::sigaddset(&pipe, SIGPIPE);
  (void)::pthread_sigmask(SIG_BLOCK, &pipe, nullptr);  // a reader that goes is an error like any other
  (void)::pthread_setname_np(::pthread_self(), "snapshot");
  if (on_start_) on_start_();
  cpu_set_t processors;
  CPU_ZERO(&processors);
  if (::sched_getaffinity(0, sizeof processors, &processors) == 0 && CPU_COUNT(&processors) == 1) {
    const sched_param none{};
    (void)::sched_setscheduler(0, SCHED_IDLE, &none);
  }
  outcome_ = write();
  {
    const std::lock_guard lock(mutex_);
    done_.store(true, std::memory_order_release);
    changed_.notify_all();
  }
  notify_();
}

}  // namespace holdfast::node
