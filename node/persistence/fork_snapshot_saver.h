// The background writer that forks: the child has the data set of the instant of the fork and writes it.
//
// The child keeps its target and a pipe to the parent, and closes every other descriptor, so that no listening or
// client socket stays open in it; it dies with its parent. It reports progress, and the error's text, through the pipe.
// Nothing of the executor's state is changed by it.
#pragma once

#include <sys/types.h>

#include <string>

#include "node/persistence/snapshot.h"

namespace holdfast::node {

class ForkSnapshotSaver final : public SnapshotSaver {
 public:
  ForkSnapshotSaver(FileSystem& fs, const Clock& clock) : fs_(fs), clock_(clock) {}
  ~ForkSnapshotSaver() override;  // ends the child

  Result<> start(const SnapshotRequest& request, const DataSource& source, OnFinished on_finished) override;
  std::optional<SnapshotPurpose> running() const override;
  SaveStats progress() const override { return stats_; }
  void cancel(bool wait) override;
  void poll() override;
  int wait_descriptor() const override { return pipe_; }

  // Called in the child before it begins to write.
  void on_child_start(std::function<void(SnapshotPurpose)> callback) { on_child_start_ = std::move(callback); }

  Nanos last_fork_duration() const { return fork_duration_; }  // INFO's latest_fork_usec
  pid_t child_pid() const { return child_; }                   // -1: none

 private:
  void read_reports();
  void read_report(std::string_view line);
  SnapshotResult result_of(int status);
  void remove_temporary();
  void reset();

  FileSystem& fs_;
  const Clock& clock_;
  pid_t child_ = -1;
  int pipe_ = -1;
  bool cancelled_ = false;
  SnapshotRequest request_;
  OnFinished on_finished_;
  std::function<void(SnapshotPurpose)> on_child_start_;
  Instant started_;
  Nanos fork_duration_{};
  SaveStats stats_;
  uint64_t copied_bytes_ = 0;
  std::optional<Error> error_;  // that the child reported
  std::string partial_;         // of a report line
};

}  // namespace holdfast::node
