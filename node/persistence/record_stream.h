// What the executor hands to the writer of a snapshot: keys and values as records in chunks of memory.
//
// The executor only copies (RecordStream); what costs time (encoding of strings, LZF, checksums, files) is the writer's
// (RecordReplay). Records, in the machine's byte order, never split over chunks:
//
//   database  what follows belongs to this database
//   text      a key with a string: expiry, key, value
//   bytes     go into the file as they are
//   string    goes into the file as a string of the format
//   long_text a string of so many bytes follows, in `bytes` records
//   key       a key's last record was the one before (those of `text` count by themselves)
//
// One thread at a time; a chunk may change threads.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "node/keyspace/entry.h"
#include "node/persistence/byte_stream.h"
#include "node/persistence/rdb_output.h"

namespace holdfast::node {

struct Chunk {
  static constexpr size_t kBytes = 256 * 1024;  // unless a record needs more

  std::unique_ptr<char[]> bytes;
  size_t size = 0;
  size_t capacity = 0;
  std::string_view text() const { return {bytes.get(), size}; }
};

enum class Record : uint8_t { database, text, bytes, string, long_text, key };

class RecordStream final : public RdbOutput {
 public:
  // --- Keys with strings; `key` and `text` are copied ---
  void select(int db);  // what follows belongs to it
  void text(std::string_view key, std::string_view text, int64_t expires_ms);
  // --- Everything else ---
  void put_bytes(std::string_view bytes) override;
  void put_string(std::string_view text) override;
  void long_text(uint64_t bytes);
  void key_done();

  // All that is in it, counted in bytes of chunks' content.
  size_t bytes() const { return full_bytes_ + current_.size; }
  bool empty() const { return bytes() == 0; }
  size_t full_chunks() const { return full_.size(); }
  // The oldest full chunk, or what there is; there must be something.
  Chunk take();
  // Empties that may be used again.
  void give_back(Chunk&& chunk);
  // Takes over everything in `other`, behind what is here.
  void append(RecordStream&& other);

 private:
  char* reserve(size_t bytes);
  char* begin(Record record, size_t bytes);
  void seal();

  static constexpr size_t kSpares = 8;
  Chunk current_;
  std::deque<Chunk> full_;
  std::vector<Chunk> spares_;
  size_t full_bytes_ = 0;
  int db_ = -1;
  char* open_bytes_ = nullptr;  // the length of the last record, if that is one of bytes
};

// Reads records; the callbacks write the file.
class RecordReplay {
 public:
  virtual ~RecordReplay() = default;
  // What status() says at the end; after an error the callbacks have nothing more to do.
  Result<> replay(std::string_view chunk);

 protected:
  virtual void on_database(int db) = 0;
  virtual void on_text(std::string_view key, std::string_view text, int64_t expires_ms) = 0;
  virtual void on_bytes(std::string_view bytes) = 0;
  virtual void on_string(std::string_view text) = 0;
  virtual void on_long_text(uint64_t bytes) = 0;
  virtual void on_key_done() = 0;
  virtual Result<> status() const = 0;
};

}  // namespace holdfast::node
