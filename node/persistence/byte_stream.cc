#include "node/persistence/byte_stream.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace holdfast::node {

FileSink::FileSink(File& file, uint64_t sync_every, Cached cached) : file_(file), sync_every_(sync_every) {
  if (sync_every == 0 || cached == Cached::yes) return;
  block_.reset(static_cast<char*>(std::aligned_alloc(File::kDirectAlignment, kBlockBytes)));
  if (block_) file_.bypass_cache(true);
}

Result<> FileSink::write(std::string_view bytes) {
  if (!block_) return append(bytes);
  while (!bytes.empty()) {
    const size_t count = std::min(bytes.size(), kBlockBytes - gathered_);
    std::memcpy(block_.get() + gathered_, bytes.data(), count);
    bytes.remove_prefix(count);
    gathered_ += count;
    if (gathered_ < kBlockBytes) return {};
    gathered_ = 0;
    if (auto done = append({block_.get(), kBlockBytes}); !done) return done;
  }
  return {};
}

Result<> FileSink::append(std::string_view bytes) {
  if (auto done = file_.append(bytes); !done) return done;
  unsynced_ += bytes.size();
  if (sync_every_ == 0 || unsynced_ < sync_every_) return {};
  unsynced_ = 0;
  return file_.sync();
}

Result<> FileSink::finish() {
  if (block_) {
    file_.bypass_cache(false);
    if (auto done = file_.append({block_.get(), std::exchange(gathered_, 0)}); !done) return done;
  }
  return file_.sync();
}

Result<size_t> FileSource::read(std::span<char> buffer) {
  auto count = file_.read_at(offset_, buffer);
  if (count) offset_ += *count;
  return count;
}

Result<> DescriptorSink::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd_, bytes.data(), bytes.size());
    if (count >= 0) {
      bytes.remove_prefix(static_cast<size_t>(count));
    } else if (errno == EAGAIN) {
      pollfd entry{.fd = fd_, .events = POLLOUT, .revents = 0};
      if (::poll(&entry, 1, -1) < 0 && errno != EINTR) return fail_errno(errno, "poll");
    } else if (errno != EINTR) {
      return fail_errno(errno, "write");
    }
  }
  return {};
}

Result<size_t> StringSource::read(std::span<char> buffer) {
  const size_t count = std::min(buffer.size(), rest_.size());
  std::memcpy(buffer.data(), rest_.data(), count);
  rest_.remove_prefix(count);
  return count;
}

}  // namespace holdfast::node
