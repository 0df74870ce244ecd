#include "tests/bench/floor_log.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <thread>
#include <utility>

namespace holdfast::bench {

namespace {

int checked(int result, const char* what) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), what);
  return result;
}

void write_at(int fd, std::string_view bytes, size_t at) {
  if (pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(at)) != static_cast<ssize_t>(bytes.size())) {
    throw std::system_error(errno, std::generic_category(), "write");
  }
}

}  // namespace

FloorLog::FloorLog(const std::string& path)
    : path_(path),
      file_(checked(open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644), path.c_str())),
      done_event_(checked(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), "eventfd")) {
  write_at(file_, std::string(kFileBytes, '#'), 0);
  checked(fsync(file_), "fsync");
  for (size_t i = 0; i < kSyncs; ++i) std::thread([this] { run(); }).detach();
}

void FloorLog::add(int client, std::string_view request) {
  turn_.bytes += request;
  turn_.clients.push_back(client);
}

void FloorLog::flush() {
  if (turn_.clients.empty()) return;
  const std::lock_guard lock(mutex_);
  waiting_.bytes += turn_.bytes;
  waiting_.clients.insert(waiting_.clients.end(), turn_.clients.begin(), turn_.clients.end());
  turn_.bytes.clear();
  turn_.clients.clear();
  if (!writing_) wake_.notify_one();
}

std::vector<int> FloorLog::take_done() {
  eventfd_t count;
  (void)eventfd_read(done_event_, &count);
  const std::lock_guard lock(mutex_);
  return std::exchange(done_, {});
}

void FloorLog::run() {
  const int handle = checked(open(path_.c_str(), O_RDWR | O_CLOEXEC), path_.c_str());
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return !writing_ && !waiting_.clients.empty(); });
    Group group = std::exchange(waiting_, {});
    const uint64_t number = first_ + written_.size();
    written_.push_back(std::move(group.clients));
    writing_ = true;
    lock.unlock();
    if (at_ + group.bytes.size() > kFileBytes) at_ = 0;
    write_at(file_, group.bytes, at_);
    at_ += group.bytes.size();
    lock.lock();
    writing_ = false;
    if (!waiting_.clients.empty()) wake_.notify_one();
    lock.unlock();
    checked(fdatasync(handle), "fdatasync");
    lock.lock();
    if (first_ > number) continue;  // a sync that began later has ended before
    for (; first_ <= number; ++first_) {
      done_.insert(done_.end(), written_.front().begin(), written_.front().end());
      written_.pop_front();
    }
    lock.unlock();
    (void)eventfd_write(done_event_, 1);
    lock.lock();
  }
}

}  // namespace holdfast::bench
