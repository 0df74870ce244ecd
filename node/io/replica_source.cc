#include "node/io/replica_source.h"

#include <fmt/format.h>

#include <utility>

namespace holdfast::node {

namespace {

constexpr size_t kFileBuffer = 64 * 1024;

std::string_view as_text(std::span<const char> bytes) { return {bytes.data(), bytes.size()}; }

}  // namespace

ReplicaSource::ReplicaSource(StreamBacklog& stream, int64_t position, Events events)
    : stream_(stream), position_(position), hold_(stream.hold(position)), events_(std::move(events)) {}

ReplicaSource::~ReplicaSource() {
  stream_.release(hold_);
  if (streamed_) streamed_->bytes.release(streamed_hold_);
}

void ReplicaSource::send_file(std::shared_ptr<SnapshotFile> file) {
  file_ = std::move(file);
  text_ = fmt::format("${}\r\n", file_->size);
  mode_ = Mode::file;
}

void ReplicaSource::send_streamed(std::shared_ptr<StreamedSnapshot> snapshot) {
  streamed_ = std::move(snapshot);
  streamed_at_ = streamed_->bytes.begin();
  streamed_hold_ = streamed_->bytes.hold(streamed_at_);
  text_ = fmt::format("$EOF:{}\r\n", streamed_->mark);
  mode_ = Mode::streamed;
}

void ReplicaSource::send_stream() { mode_ = Mode::stream; }

std::string_view ReplicaSource::next() {
  if (!text_.empty()) return text_;
  switch (mode_) {
    case Mode::wait: return {};
    case Mode::file: return next_of_file();
    case Mode::streamed: return next_of_streamed();
    case Mode::stream: return as_text(stream_.read(hold_));
  }
  return {};
}

std::string_view ReplicaSource::next_of_file() {
  if (buffer_at_ == buffer_.size() && file_offset_ < file_->size) {
    buffer_.resize(kFileBuffer);
    const auto count = file_->file->read_at(file_offset_, buffer_);
    if (!count || *count == 0) {
      buffer_.clear();
      buffer_at_ = 0;
      mode_ = Mode::wait;
      events_.failed(count ? "the snapshot's file is shorter than it was" : count.error().text);
      return {};
    }
    buffer_.resize(*count);
    buffer_at_ = 0;
    file_offset_ += *count;
  }
  return std::string_view(buffer_).substr(buffer_at_);
}

std::string_view ReplicaSource::next_of_streamed() {
  const auto bytes = as_text(streamed_->bytes.read(streamed_hold_));
  if (streamed_at_ != streamed_->bytes.end() || !streamed_->complete || std::exchange(mark_sent_, true)) return bytes;
  text_ = streamed_->mark;
  return text_;
}

void ReplicaSource::consumed(size_t count) {
  events_.progress(count);
  if (!text_.empty()) {
    text_.erase(0, count);
    if (text_.empty() && (mark_sent_ || (file_ && file_->size == 0))) payload_sent();
    return;
  }
  switch (mode_) {
    case Mode::wait: return;
    case Mode::file:
      buffer_at_ += count;
      if (buffer_at_ == buffer_.size() && file_offset_ == file_->size) payload_sent();
      return;
    case Mode::streamed: {
      streamed_at_ += static_cast<int64_t>(count);
      streamed_->bytes.move_hold(streamed_hold_, streamed_at_);
      const auto snapshot = streamed_;  // the callback may let go of this replica
      if (snapshot->on_consumed) snapshot->on_consumed();
      return;
    }
    case Mode::stream:
      position_ += static_cast<int64_t>(count);
      stream_.move_hold(hold_, position_);
      return;
  }
}

void ReplicaSource::payload_sent() {
  mode_ = Mode::wait;
  file_.reset();
  std::string().swap(buffer_);
  buffer_at_ = 0;
  if (streamed_) {
    streamed_->bytes.release(streamed_hold_);
    streamed_.reset();
  }
  events_.payload_sent();
}

}  // namespace holdfast::node
