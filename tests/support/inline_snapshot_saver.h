// A SnapshotSaver without a thread: the snapshot is written inside start() through any FileSystem, and its result waits
// for poll(). For tests that must fail or crash at a known step.
#pragma once

#include <utility>

#include "node/persistence/snapshot.h"

namespace holdfast::test {

class InlineSnapshotSaver final : public node::SnapshotSaver {
 public:
  InlineSnapshotSaver(FileSystem& fs, const node::DataSource& source) : fs_(fs), source_(source) {}

  Result<> start(const node::SnapshotRequest& request, OnFinished on_finished) override {
    if (running_) return fail("Background save already in progress");
    running_ = request.purpose;
    on_finished_ = std::move(on_finished);
    result_ = {};
    result_.purpose = request.purpose;
    auto stats = node::write_snapshot(fs_, source_, request);
    if (stats) {
      result_.stats = *stats;
    } else {
      result_.outcome = std::unexpected(stats.error());
    }
    return {};
  }
  std::optional<node::SnapshotPurpose> running() const override { return running_; }
  node::SaveStats progress() const override { return result_.stats; }
  void cancel() override {
    if (!running_) return;
    result_.cancelled = true;
    result_.outcome = fail("cancelled");
  }
  void abandon() override { running_.reset(); }
  void poll() override {
    if (!running_) return;
    running_.reset();
    const OnFinished finished = std::move(on_finished_);
    finished(result_);
  }

 private:
  FileSystem& fs_;
  const node::DataSource& source_;
  std::optional<node::SnapshotPurpose> running_;
  OnFinished on_finished_;
  node::SnapshotResult result_;
};

}  // namespace holdfast::test
