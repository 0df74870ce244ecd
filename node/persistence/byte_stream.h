// Byte streams that the file formats are written to and read from: a file, a descriptor (pipe or socket), memory.
//
// One thread at a time. After an error a stream is of no further use.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/fs/file_system.h"

namespace holdfast::node {

class ByteSink {
 public:
  virtual ~ByteSink() = default;
  virtual Result<> write(std::string_view bytes) = 0;  // all of them
};

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  virtual Result<size_t> read(std::span<char> buffer) = 0;  // 0: the end
};

// What a snapshot's file is synced after when it is synced as it grows.
inline constexpr uint64_t kSyncEveryBytes = 4 * 1024 * 1024;

// Appends to a file and, with `sync_every` > 0, syncs it each time so many bytes were written, so that the final sync
// of a large file does not flood the disk at once (rdb-save-incremental-fsync). What is synced is dropped from the page
// cache unless somebody is going to read it: the kernel then writes into the same few pages again and again, which are
// in the processor's caches, where it would have to find memory for the whole file (a third of a save's processor time).
class FileSink final : public ByteSink {
 public:
  enum class Cached : uint8_t { stays, dropped };
  explicit FileSink(File& file, uint64_t sync_every = 0, Cached cached = Cached::stays)
      : file_(file), sync_every_(sync_every), cached_(cached) {}
  Result<> write(std::string_view bytes) override;

 private:
  File& file_;
  const uint64_t sync_every_;
  const Cached cached_;
  uint64_t synced_ = 0, unsynced_ = 0;
};

class FileSource final : public ByteSource {
 public:
  explicit FileSource(File& file, uint64_t offset = 0) : file_(file), offset_(offset) {}
  Result<size_t> read(std::span<char> buffer) override;

 private:
  File& file_;
  uint64_t offset_;
};

// A blocking descriptor that someone else owns. A full non-blocking one is waited for.
class DescriptorSink final : public ByteSink {
 public:
  explicit DescriptorSink(int fd) : fd_(fd) {}
  Result<> write(std::string_view bytes) override;

 private:
  const int fd_;
};

class StringSink final : public ByteSink {
 public:
  Result<> write(std::string_view bytes) override {
    text_.append(bytes);
    return {};
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

class StringSource final : public ByteSource {
 public:
  explicit StringSource(std::string_view text) : rest_(text) {}
  Result<size_t> read(std::span<char> buffer) override;

 private:
  std::string_view rest_;
};

}  // namespace holdfast::node
