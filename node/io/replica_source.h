// What one attached replica is sent, pulled by its connection: a full resync's payload, then the shared stream.
//
// The bytes are not copied for each replica: a streamed payload and the command stream come straight from shared chunks, a
// payload in a file is read through one small buffer. Either may lie on disk in part: then next() gives nothing until
// the chunk has come. The place in the command stream is held from the start, so that
// nothing is trimmed that this replica still needs. Executor thread only; the log must outlive it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "common/fs/file_system.h"
#include "common/server/session.h"
#include "node/io/stream_spill.h"
#include "node/replication/stream_backlog.h"

namespace holdfast::node {

// A snapshot in a file, removed from its folder already; it is gone with its last reader.
struct SnapshotFile {
  std::unique_ptr<File> file;
  uint64_t size = 0;
};

// A snapshot that is being streamed to several replicas, as it comes.
struct StreamedSnapshot {
  StreamBacklog bytes{0, 256 * 1024};
  std::unique_ptr<StreamSpill> spill;  // for what a slow replica has not taken
  std::string mark;       // 40 characters around the payload
  bool complete = false;  // nothing more comes
  std::function<void()> on_consumed;
};

class ReplicaSource final : public server::OutputSource {
 public:
  struct Events {
    std::function<void(size_t bytes)> progress;
    std::function<void()> payload_sent;
    std::function<void(const std::string& reason)> failed;  // the payload cannot be read
  };

  ReplicaSource(StreamBacklog& stream, int64_t position, Events events);
  ~ReplicaSource() override;
  ReplicaSource(const ReplicaSource&) = delete;
  ReplicaSource& operator=(const ReplicaSource&) = delete;

  void send_file(std::shared_ptr<SnapshotFile> file);
  void send_streamed(std::shared_ptr<StreamedSnapshot> snapshot);
  void send_stream();  // from position() on

  int64_t position() const { return position_; }
  uint64_t counted() const { return stream_.counted(position_); }  // against client-output-buffer-limit

  // What it needs next cannot be read any more.
  bool lost() const {
    return position_ < stream_.lost_below() || (streamed_ && streamed_at_ < streamed_->bytes.lost_below());
  }

  std::string_view next() override;
  void consumed(size_t count) override;

 private:
  enum class Mode : uint8_t { wait, file, streamed, stream };

  std::string_view next_of_file();
  std::string_view next_of_streamed();
  void payload_sent();

  StreamBacklog& stream_;
  int64_t position_;
  StreamBacklog::HoldId hold_;
  Events events_;
  Mode mode_ = Mode::wait;
  std::string text_;  // the payload's header or end mark; goes first
  std::shared_ptr<SnapshotFile> file_;
  uint64_t file_offset_ = 0;  // of the next byte to read into buffer_
  std::string buffer_;
  size_t buffer_at_ = 0;
  std::shared_ptr<StreamedSnapshot> streamed_;
  int64_t streamed_at_ = 0;
  StreamBacklog::HoldId streamed_hold_ = 0;
  bool mark_sent_ = false;
};

}  // namespace holdfast::node
