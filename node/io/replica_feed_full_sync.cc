// The full resyncs of ReplicaFeed: one snapshot at a time, for all replicas that wait when it starts.

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "common/log/log.h"
#include "node/io/replica_feed.h"

namespace holdfast::node {

namespace {

// A streamed snapshot goes at the pace of its slowest replica: so much may lie between it and the snapshot's writer.
constexpr uint64_t kStreamedAhead = 4 * 1024 * 1024;
constexpr size_t kPipeBuffer = 1024 * 1024;
// But while it waits it keeps what clients overwrite, in memory: past so much of that, the rest of it goes to disk instead.
constexpr uint64_t kMostHeld = 8 * 1024 * 1024;

}  // namespace

void ReplicaFeed::poll_full_syncs() {
  if (job_ || scheduler_.empty()) return;
  const auto start = scheduler_.poll(env_.clock.now(), env_.config, env_.host.save_running());
  if (start) start_snapshot(*start);
}

void ReplicaFeed::start_snapshot(const FullSyncScheduler::Start& start) {
  Replication::SavedPosition position{env_.log.id(), env_.log.offset(), 0};
  if (env_.log.is_replica()) {
    position.stream_db = env_.host.primary_stream_db();
  } else {
    // Replicas of this snapshot know no database yet: the next command names it.
    position.stream_db = std::max(0, env_.log.selected_db());
    env_.log.select_again();
  }
  Job& job = job_.emplace();
  job.number = next_job_++;
  job.diskless = start.diskless;
  job.position = {position.id, position.offset};
  log::notice("Starting BGSAVE for SYNC with target: {}", start.diskless ? "replicas sockets" : "disk");
  const auto done = [this, alive = alive_, number = job.number](Result<> outcome) {
    if (*alive) snapshot_done(number, outcome);
  };
  Result<> started;
  if (!start.diskless) {
    job.path = join_path(env_.config.directory, fmt::format("temp-sync-out-{}.rdb", env_.config.port));
    started = env_.host.save_to_file(job.path, position, done);
  } else {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) {
      started = fail_errno(errno, "pipe");
    } else {
      (void)::fcntl(ends[0], F_SETPIPE_SZ, static_cast<int>(kPipeBuffer));  // fewer, larger reads where it is allowed
      job.streamed = make_streamed();
      job.streamed->mark = RunId::random(env_.random).str();
      job.streamed->on_consumed = [this, alive = alive_] {
        if (*alive) read_pipe();
      };
      started = env_.host.save_to_descriptor(ends[1], position, done);
      ::close(ends[1]);
      pipe_ = std::make_unique<Pipe>(env_.io, ends[0]);
    }
  }
  for (const uint64_t id : start.members) join(*job_, id);
  if (!started) {
    fail_job(started.error().text);
    return;
  }
  if (start.diskless) read_pipe();
}

// The replica is told where the snapshot stands; its stream is held from there.
void ReplicaFeed::join(Job& job, uint64_t id) {
  const auto it = attachments_.find(id);
  AttachedReplica* replica = table_.find(id);
  if (it == attachments_.end() || !replica) return;
  Attachment& attachment = it->second;
  job.members.push_back(id);
  const bool old_sync = attachment.old_sync;
  server::Session& session = *attachment.session;
  // Re-made at the snapshot's position: it was attached when it asked.
  session.set_output_source(nullptr);
  attach(session, job.position.offset).old_sync = old_sync;
  if (!old_sync) {
    send(attachment, fmt::format("+FULLRESYNC {} {}\r\n", job.position.id.view(), job.position.offset));
  }
  replica->last_sign = env_.clock.now();
  attachment.streamed = job.diskless;
  if (job.diskless) {
    replica->phase = ReplicaPhase::sending;
    attachment.source->send_streamed(job.streamed);
  } else {
    replica->phase = ReplicaPhase::wait_snapshot_end;
  }
}

void ReplicaFeed::snapshot_done(uint64_t number, const Result<>& outcome) {
  if (!job_ || job_->number != number) {
    // The end of a snapshot that nobody waited for any more; others may wait for theirs.
    schedule_flush();
    return;
  }
  if (!outcome) {
    fail_job(outcome.error().text);
    return;
  }
  job_->saved = true;
  if (job_->diskless) {
    finish_streamed();
  } else {
    file_ready();
  }
}

void ReplicaFeed::file_ready() {
  auto file = env_.files.open(job_->path, FileSystem::Mode::read);
  auto size = file ? (*file)->size() : Result<uint64_t>(std::unexpected(file.error()));
  if (!size) {
    fail_job(size.error().text);
    return;
  }
  (void)env_.files.remove(job_->path);  // its readers keep it; a failure leaves a file that the next sync replaces
  const auto snapshot = std::make_shared<SnapshotFile>(std::move(*file), *size);
  for (const uint64_t id : job_->members) {
    const auto it = attachments_.find(id);
    if (it == attachments_.end()) continue;
    AttachedReplica& replica = *table_.find(id);
    replica.phase = ReplicaPhase::sending;
    replica.last_sign = env_.clock.now();
    it->second.source->send_file(snapshot);
    it->second.session->output_ready();
  }
  job_.reset();
  schedule_flush();
}

bool ReplicaFeed::snapshot_may_go_on() const {
  const StreamBacklog& bytes = job_->streamed->bytes;
  if (bytes.size() < kStreamedAhead) return true;
  return env_.host.snapshot_held_bytes() >= kMostHeld && bytes.can_spill() && bytes.unwritten() < kStreamedAhead;
}

void ReplicaFeed::read_pipe() {
  if (!pipe_ || pipe_reading_ || !job_ || job_->pipe_ended) return;
  if (!snapshot_may_go_on()) return;  // on_consumed and the end of a turn come back here
  pipe_reading_ = true;
  pipe_buffer_.resize(kPipeBuffer);
  pipe_->async_read_some(boost::asio::buffer(pipe_buffer_),
                         [this, alive = alive_, number = job_->number](boost::system::error_code failed, size_t count) {
                           if (!*alive) return;
                           pipe_reading_ = false;
                           if (job_ && job_->number == number) {
                             pipe_read(count, static_cast<bool>(failed));
                           } else {
                             read_pipe();  // of the job that followed
                           }
                         });
}

void ReplicaFeed::pipe_read(size_t count, bool ended) {
  job_->streamed->bytes.append({pipe_buffer_.data(), count});
  for (const uint64_t id : job_->members) {
    const auto it = attachments_.find(id);
    if (it != attachments_.end()) it->second.session->output_ready();
  }
  if (!ended) {
    read_pipe();
    return;
  }
  job_->pipe_ended = true;
  pipe_.reset();
  std::vector<char>().swap(pipe_buffer_);
  finish_streamed();
}

// Whole only when the writer says so and its last byte has come: either may be first.
void ReplicaFeed::finish_streamed() {
  if (!job_->saved || !job_->pipe_ended) return;
  job_->streamed->complete = true;
  const auto members = std::move(job_->members);
  job_.reset();
  for (const uint64_t id : members) {
    const auto it = attachments_.find(id);
    if (it != attachments_.end()) it->second.session->output_ready();
  }
  schedule_flush();
}

void ReplicaFeed::fail_job(std::string_view reason) {
  log::warning("SYNC failed. The snapshot for the replicas failed: {}", reason);
  const auto members = std::move(job_->members);
  if (!job_->path.empty() && env_.files.exists(job_->path)) (void)env_.files.remove(job_->path);
  job_.reset();
  pipe_.reset();
  for (const uint64_t id : members) {
    const auto it = attachments_.find(id);
    if (it == attachments_.end()) continue;
    if (table_.find(id)->phase == ReplicaPhase::sending) {
      drop(id, "the snapshot failed");
      continue;
    }
    server::Session& session = *it->second.session;
    detach(id);
    table_.erase(id);
    session.reply().error("ERR BGSAVE failed, replication can't continue");
    session.close_after_reply();
  }
  schedule_flush();
}

void ReplicaFeed::member_left(uint64_t id) {
  if (!job_ || std::erase(job_->members, id) == 0 || !job_->members.empty()) return;
  log::notice("The last replica that waited for the running snapshot is gone");
  const bool saved = job_->saved;
  if (!job_->path.empty() && env_.files.exists(job_->path)) (void)env_.files.remove(job_->path);
  job_.reset();
  pipe_.reset();
  if (!saved) env_.host.cancel_save();
}

// --- The disk behind the stream, and behind a snapshot that is streamed.

std::unique_ptr<StreamSpill> ReplicaFeed::make_spill(StreamBacklog& backlog, std::string_view what) {
  const std::string name = fmt::format("temp-repl-{}-{}.spill", what, env_.config.port);
  StreamSpill::remove_leftover(env_.files, env_.config.directory, name);
  auto spill = std::make_unique<StreamSpill>(
      env_.io, env_.files, backlog, name,
      StreamSpill::Events{
          .arrived = [this] { schedule_flush(); },
          .write_failed =
              [this](const std::string& reason) {
                spill_error_ = reason;
                log::warning("What replicas have not taken cannot be put on disk: {}. It stays in memory, where "
                             "client-output-buffer-limit bounds it", reason);
                schedule_flush();
              },
          .write_recovered =
              [this] {
                spill_error_.clear();
                log::notice("What replicas have not taken goes to disk again");
              },
          // Later: the snapshot that reports this may be gone with its last replica.
          .read_failed =
              [this, alive = alive_](const std::string& reason) {
                boost::asio::post(env_.io, [this, alive, reason] {
                  if (*alive) drop_lost(reason);
                });
              }});
  spill->set_directory(env_.config.directory);
  return spill;
}

// Replicas whose next bytes cannot be read any more.
void ReplicaFeed::drop_lost(const std::string& reason) {
  std::vector<uint64_t> lost;
  for (const auto& [id, attachment] : attachments_) {
    if (attachment.source->lost()) lost.push_back(id);
  }
  for (const uint64_t id : lost) drop(id, fmt::format("what it has not taken cannot be read from disk: {}", reason));
}

std::shared_ptr<StreamedSnapshot> ReplicaFeed::make_streamed() {
  // The last replica that lets go of it must not wait for the disk.
  std::shared_ptr<StreamedSnapshot> streamed(new StreamedSnapshot, [this](StreamedSnapshot* snapshot) {
    snapshot->spill->stop();
    retired_spills_.push_back(std::move(snapshot->spill));
    delete snapshot;
  });
  streamed->spill = make_spill(streamed->bytes, "snapshot");
  streamed->bytes.start(0);
  streamed->bytes.set_store(streamed->spill.get(), kStreamedAhead);
  streamed->bytes.set_spill_limit(env_.config.spill_limit_bytes);
  return streamed;
}

std::string ReplicaFeed::over_limit_reason() const {
  std::string reason = "it was closed for overcoming of output buffer limits";
  if (!spill_error_.empty()) return fmt::format("{}, as the disk could not take the stream: {}", reason, spill_error_);
  const StreamBacklog& stream = env_.log.stream();
  if (env_.config.spill_limit_bytes > 0 && !stream.can_spill()) reason += "; repl-spill-limit is used up";
  return reason;
}

void ReplicaFeed::payload_sent(uint64_t id) {
  AttachedReplica* replica = table_.find(id);
  const auto it = attachments_.find(id);
  if (!replica || it == attachments_.end()) return;
  replica->last_sign = env_.clock.now();
  if (replica->payload_only) {
    it->second.session->close_after_reply();
    return;
  }
  if (it->second.streamed) {
    replica->phase = ReplicaPhase::wait_ack;
  } else {
    go_online(id);
  }
}

}  // namespace holdfast::node
