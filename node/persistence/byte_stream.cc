#include "node/persistence/byte_stream.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace holdfast::node {

Result<> FileSink::write(std::string_view bytes) {
  if (auto done = file_.append(bytes); !done) return done;
  unsynced_ += bytes.size();
  if (sync_every_ == 0 || unsynced_ < sync_every_) return {};
  if (auto done = file_.sync(); !done) return done;
  if (cached_ == Cached::dropped) file_.drop_cached(synced_, unsynced_);
  synced_ += std::exchange(unsynced_, 0);
  return {};
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
