#include "node/persistence/record_stream.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "common/base/assert.h"

namespace holdfast::node {

namespace {

template <class Number>
void store(char*& at, Number number) {
  std::memcpy(at, &number, sizeof number);
  at += sizeof number;
}

void store(char*& at, std::string_view bytes) {
  std::memcpy(at, bytes.data(), bytes.size());
  at += bytes.size();
}

template <class Number>
Number load(const char*& at) {
  Number number;
  std::memcpy(&number, at, sizeof number);
  at += sizeof number;
  return number;
}

std::string_view load_text(const char*& at, size_t size) {
  const std::string_view text(at, size);
  at += size;
  return text;
}

}  // namespace

char* RecordStream::reserve(size_t bytes) {
  if (current_.size + bytes > current_.capacity) {
    seal();
    if (bytes <= Chunk::kBytes && !spares_.empty()) {
      current_ = std::move(spares_.back());
      spares_.pop_back();
    } else {
      const size_t capacity = std::max(bytes, Chunk::kBytes);
      current_ = {std::make_unique_for_overwrite<char[]>(capacity), 0, capacity};
    }
  }
  char* const at = current_.bytes.get() + current_.size;
  current_.size += bytes;
  return at;
}

void RecordStream::seal() {
  open_bytes_ = nullptr;
  if (current_.size == 0) return;
  full_bytes_ += current_.size;
  full_.push_back(std::exchange(current_, {}));
}

char* RecordStream::begin(Record record, size_t bytes) {
  open_bytes_ = nullptr;
  char* const at = reserve(1 + bytes);
  *at = static_cast<char>(record);
  return at + 1;
}

void RecordStream::select(int db) {
  if (db == db_) return;
  db_ = db;
  char* at = begin(Record::database, sizeof(int32_t));
  store(at, static_cast<int32_t>(db));
}

void RecordStream::text(std::string_view key, std::string_view text, int64_t expires_ms) {
  char* at = begin(Record::text, sizeof expires_ms + 2 * sizeof(uint64_t) + key.size() + text.size());
  store(at, expires_ms);
  store(at, uint64_t{key.size()});
  store(at, uint64_t{text.size()});
  store(at, key);
  store(at, text);
}

void RecordStream::put_bytes(std::string_view bytes) {
  if (open_bytes_ != nullptr && current_.size + bytes.size() <= current_.capacity) {
    uint64_t size;
    std::memcpy(&size, open_bytes_, sizeof size);
    size += bytes.size();
    std::memcpy(open_bytes_, &size, sizeof size);
    char* at = reserve(bytes.size());
    return store(at, bytes);
  }
  char* at = begin(Record::bytes, sizeof(uint64_t) + bytes.size());
  open_bytes_ = at;
  store(at, uint64_t{bytes.size()});
  store(at, bytes);
}

void RecordStream::put_string(std::string_view text) {
  char* at = begin(Record::string, sizeof(uint64_t) + text.size());
  store(at, uint64_t{text.size()});
  store(at, text);
}

void RecordStream::long_text(uint64_t bytes) {
  char* at = begin(Record::long_text, sizeof bytes);
  store(at, bytes);
}

void RecordStream::key_done() { begin(Record::key, 0); }

Chunk RecordStream::take() {
  if (full_.empty()) {
    open_bytes_ = nullptr;
    return std::exchange(current_, {});
  }
  Chunk chunk = std::move(full_.front());
  full_.pop_front();
  full_bytes_ -= chunk.size;
  return chunk;
}

void RecordStream::give_back(Chunk&& chunk) {
  if (chunk.capacity != Chunk::kBytes || spares_.size() >= kSpares) return;
  chunk.size = 0;
  spares_.push_back(std::move(chunk));
}

void RecordStream::append(RecordStream&& other) {
  if (other.empty()) return;
  seal();
  other.seal();
  for (Chunk& chunk : other.full_) full_.push_back(std::move(chunk));
  full_bytes_ += std::exchange(other.full_bytes_, 0);
  other.full_.clear();
  db_ = std::exchange(other.db_, -1);
}

Result<> RecordReplay::replay(std::string_view chunk) {
  const char* at = chunk.data();
  const char* const end = at + chunk.size();
  while (at != end) {
    switch (static_cast<Record>(*at++)) {
      case Record::database:
        on_database(load<int32_t>(at));
        break;
      case Record::text: {
        const auto expires_ms = load<int64_t>(at);
        const auto key_size = load<uint64_t>(at), text_size = load<uint64_t>(at);
        const std::string_view key = load_text(at, key_size);
        on_text(key, load_text(at, text_size), expires_ms);
        break;
      }
      case Record::bytes: {
        const auto size = load<uint64_t>(at);
        on_bytes(load_text(at, size));
        break;
      }
      case Record::string: {
        const auto size = load<uint64_t>(at);
        on_string(load_text(at, size));
        break;
      }
      case Record::long_text:
        on_long_text(load<uint64_t>(at));
        break;
      case Record::key:
        on_key_done();
        break;
    }
  }
  return status();
}

}  // namespace holdfast::node
