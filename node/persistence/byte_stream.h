// Byte streams that the file formats are written to and read from: a file, a descriptor (pipe or socket), memory.
//
// One thread at a time. After an error a stream is of no further use.
#pragma once

#include <cstdint>
#include <cstdlib>
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
// of a large file does not flood the disk at once (rdb-save-incremental-fsync). What is synced so and read by nobody
// soon goes past the page cache, in blocks gathered here: for each page of it the kernel would otherwise find memory,
// map it to the disk and forget it again, which is a fifth of a save's processor time.
class FileSink final : public ByteSink {
 public:
  enum class Cached : uint8_t { yes, no };
  static constexpr size_t kBlockBytes = 512 * 1024;

  explicit FileSink(File& file, uint64_t sync_every = 0, Cached cached = Cached::yes);
  Result<> write(std::string_view bytes) override;
  // Writes what is still here and syncs the file. The last call.
  Result<> finish();

 private:
  struct Free {
    void operator()(char* memory) const { std::free(memory); }
  };

  Result<> append(std::string_view bytes);

  File& file_;
  const uint64_t sync_every_;
  uint64_t unsynced_ = 0;
  std::unique_ptr<char, Free> block_;  // null: nothing is gathered
  size_t gathered_ = 0;
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
