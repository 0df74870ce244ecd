#include "node/persistence/snapshot_writer.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "node/persistence/byte_stream.h"
#include "node/persistence/snapshot_replay.h"

namespace holdfast::node {

// A descriptor that may be slow: looks up now and then whether anybody still wants the snapshot.
class SnapshotWriter::Sink final : public ByteSink {
 public:
  explicit Sink(const SnapshotWriter& writer) : descriptor_(writer.descriptor_), writer_(writer) {}

  Result<> write(std::string_view bytes) override {
    constexpr int kLookMs = 20;
    while (!bytes.empty()) {
      if (writer_.aborted()) return fail("cancelled");
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
  const SnapshotWriter& writer_;
};

SnapshotWriter::SnapshotWriter(FileSystem& fs, const SnapshotRequest& request, std::vector<DatabaseSize> databases,
                               Notify notify, std::function<void()> on_start, KeyDelay key_delay)
    : fs_(fs), request_(request), databases_(std::move(databases)), notify_(std::move(notify)),
      on_start_(std::move(on_start)), key_delay_(std::move(key_delay)) {
  if (request.descriptor >= 0) {
    descriptor_ = ::fcntl(request.descriptor, F_DUPFD_CLOEXEC, 0);
    (void)::fcntl(descriptor_, F_SETFL, O_NONBLOCK);
  }
}

Result<> SnapshotWriter::start() {
  return thread_.start("snapshot", [this] { run(); });
}

SnapshotWriter::~SnapshotWriter() {
  (void)abort();
  thread_.join();
  if (descriptor_ >= 0) ::close(descriptor_);
}

bool SnapshotWriter::settle(Fate fate) {
  Fate now = Fate::open;
  return fate_.compare_exchange_strong(now, fate, std::memory_order_relaxed) || now == fate;
}

bool SnapshotWriter::abort() {
  const bool aborted = settle(Fate::aborted);
  queue_.wake();
  aborting_.release();
  return aborted;
}

void SnapshotWriter::hurry() {
  thread_.hurry();
  queue_.wake();
}

Result<> SnapshotWriter::replay_chunks(SnapshotReplay& replay) {
  while (!aborted() && !thread_.leaving() && !queue_.at_end()) {
    ChunkQueue::Handed chunk = queue_.pop();
    if (!chunk) continue;
    if (auto replayed = replay.replay(chunk->text()); !replayed) return replayed;
    keys_.store(replay.keys(), std::memory_order_relaxed);
    bytes_.store(replay.bytes_put(), std::memory_order_relaxed);
    queue_.worked_off(std::move(chunk));
    if (room_wanted_.exchange(false, std::memory_order_relaxed)) notify_();
  }
  return {};
}

Result<> SnapshotWriter::write_records(ByteSink& sink) {
  SnapshotReplay::Progress progress;
  progress.aborted = [this] { return aborted(); };
  if (key_delay_) {
    progress.at_key = [this] {
      if (!aborted()) (void)aborting_.try_acquire_for(key_delay_());
    };
  }
  const auto replay = SnapshotReplay::make(sink, request_, databases_, progress);
  replay->begin();
  Result<> replayed;
  if (!aborted()) {
    thread_.patiently([&] {
      if (replayed) replayed = replay_chunks(*replay);
    });
  }
  if (aborted()) return fail("cancelled");
  if (!replayed) return replayed;
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
  if (done && !settle(Fate::kept)) done = fail("cancelled");
  if (done) done = fs_.rename(temporary, request_.path);
  if (done) return fs_.sync_directory(directory);
  (void)fs_.remove(temporary);
  return done;
}

Result<> SnapshotWriter::write() {
  if (request_.descriptor < 0) return write_file();
  if (descriptor_ < 0) return fail("Can't duplicate the snapshot's descriptor");
  Sink sink(*this);
  auto written = write_records(sink);
  ::close(std::exchange(descriptor_, -1));  // the reader's end
  return written;
}

void SnapshotWriter::run() {
  sigset_t pipe;
  ::sigemptyset(&pipe);
  ::sigaddset(&pipe, SIGPIPE);
  (void)::pthread_sigmask(SIG_BLOCK, &pipe, nullptr);  // a reader that goes is an error like any other
  if (on_start_) on_start_();
  outcome_ = write();
  done_.store(true, std::memory_order_release);
  notify_();
}

}  // namespace holdfast::node
