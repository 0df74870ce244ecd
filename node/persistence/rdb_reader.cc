#include "node/persistence/rdb_reader.h"

#include <pthread.h>

#include <algorithm>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#include "common/base/text.h"
#include "common/memory/arena.h"
#include "common/memory/usage.h"
#include "node/persistence/batch_queue.h"
#include "node/persistence/rdb_decoder.h"
#include "node/persistence/rdb_format.h"
#include "node/persistence/rdb_value.h"

namespace holdfast::node {

namespace {

// The nine letters that a module's 64-bit type id holds above its ten version bits.
std::string module_name(uint64_t id) {
  constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string name(9, ' ');
  id >>= 10;
  for (size_t i = name.size(); i-- > 0; id >>= 6) name[i] = kLetters[id & 63];
  return name;
}

// Where a reader's entries go: to a loader, one by one, or by the batch.
class Output {
 public:
  virtual ~Output() = default;
  virtual Result<> insert(int db, std::string_view key, Value value, std::optional<WallTime> expires_at) = 0;
  // Takes what the batch holds; `bytes` of the file have been read.
  virtual Result<> take(EntryBatch& batch, uint64_t bytes) = 0;
};

class LoaderOutput final : public Output {
 public:
  explicit LoaderOutput(DataLoader& loader) : loader_(loader) {}
  Result<> insert(int db, std::string_view key, Value value, std::optional<WallTime> expires_at) override {
    return loader_.insert(db, key, std::move(value), expires_at);
  }
  Result<> take(EntryBatch& batch, uint64_t) override { return loader_.insert_batch(batch); }

 private:
  DataLoader& loader_;
};

class QueueOutput final : public Output {
 public:
  explicit QueueOutput(BatchQueue& queue) : queue_(queue) {}
  Result<> insert(int, std::string_view, Value, std::optional<WallTime>) override { return fail("only batches are queued"); }
  Result<> take(EntryBatch& batch, uint64_t bytes) override { return queue_.put(batch, bytes); }

 private:
  BatchQueue& queue_;
};

class Reader {
 public:
  // `rules`: the output takes batches of so many entries.
  Reader(ByteSource& source, Output& out, const EntryBatch::Rules* rules, size_t batch_size, const RdbLoadOptions& options)
      : in_(source, options.verify_checksum), out_(out), batch_size_(batch_size), options_(options) {
    if (rules != nullptr) batch_.emplace(*rules);
    if (options_.on_progress) in_.on_refill([this] { return report_if_due(); });
  }

  Result<RdbLoad> run() {
    const bool read = read_header() && read_records() && read_checksum();
    // What came before a fault stays.
    if (!deliver() || !read) return std::unexpected(in_.error());
    load_.bytes = in_.offset();
    find_replication();
    return std::move(load_);
  }

 private:
  bool read_header();
  bool read_records();
  bool read_opcode(uint8_t opcode, bool& ended);
  bool read_aux();
  bool read_select_db();
  bool read_module_aux();
  bool skip_function();
  bool skip_lengths(int count);
  bool read_expire(size_t bytes);
  bool read_entry(uint8_t type);
  bool refuse_module_value(const std::string& key);
  bool read_checksum();
  bool read_resize_db();
  bool add(std::string_view key, Value&& value, std::optional<WallTime> expires_at);
  bool deliver();
  Result<> report_if_due();
  void find_replication();

  RdbDecoder in_;
  Output& out_;
  std::optional<EntryBatch> batch_;
  const size_t batch_size_;
  const RdbLoadOptions& options_;
  RdbLoad load_;
  int db_ = 0;
  std::optional<WallTime> expires_at_;  // of the next key
  std::string key_;
  uint64_t next_progress_ = 0;
};

bool Reader::read_header() {
  char header[rdb::kHeaderBytes];
  if (!in_.read_bytes(header, sizeof header)) return false;
  const std::string_view text(header, sizeof header);
  auto version = rdb_version(text);
  if (!version) return in_.failed(std::move(version.error()));
  load_.version = *version;
  return true;
}

bool Reader::read_records() {
  bool ended = false;
  while (!ended) {
    if (in_.offset() >= next_progress_) {
      if (auto done = report_if_due(); !done) return in_.failed(std::move(done.error()));
    }
    uint8_t lead = 0;
    if (!in_.read_byte(lead)) return false;
    if (!(lead >= rdb::kSlotInfo ? read_opcode(lead, ended) : read_entry(lead))) return false;
  }
  return true;
}

bool Reader::read_opcode(uint8_t opcode, bool& ended) {
  uint8_t ignored = 0;
  switch (opcode) {
    case rdb::kSlotInfo:
      return skip_lengths(3);
    case rdb::kFunction2:
      return skip_function();
    case rdb::kFunctionPreGa:
      return in_.failed({"Pre-release function format not supported.", 0});
    case rdb::kModuleAux:
      return read_module_aux();
    case rdb::kIdle:
      return skip_lengths(1);
    case rdb::kFreq:
      return in_.read_byte(ignored);
    case rdb::kAux:
      return read_aux();
    case rdb::kResizeDb:
      return read_resize_db();
    case rdb::kExpireTimeMs:
      return read_expire(8);
    case rdb::kExpireTime:
      return read_expire(4);
    case rdb::kSelectDb:
      return read_select_db();
    default:
      ended = true;
      return true;  // kEof
  }
}

bool Reader::skip_lengths(int count) {
  uint64_t ignored = 0;
  for (int i = 0; i < count; ++i) {
    if (!in_.read_length(ignored)) return false;
  }
  return true;
}

bool Reader::read_resize_db() {
  constexpr uint64_t kBytesPerKey = 8;  // there are hardly smaller ones: more keys than that are not believed
  uint64_t keys = 0;
  if (!in_.read_length(keys) || !skip_lengths(1)) return false;
  if (batch_) batch_->expect(db_, std::min(keys, options_.source_bytes / kBytesPerKey));
  return true;
}

bool Reader::read_aux() {
  constexpr size_t kMaxKept = 1000;  // fields that a hostile file can make us remember
  std::string name;
  std::string value;
  if (!in_.read_string(name) || !in_.read_string(value)) return false;
  if (name == rdb::kAuxAofBase || name == rdb::kAuxAofPreamble) load_.aof_base = value != "0";
  if (name == rdb::kAuxUsedMemory && options_.used_memory != nullptr) {
    options_.used_memory->store(parse_uint64(value).value_or(0), std::memory_order_relaxed);
  }
  if (load_.aux.size() < kMaxKept) load_.aux[std::move(name)] = std::move(value);
  return true;
}

bool Reader::skip_function() {
  if (!in_.skip_string()) return false;
  if (!load_.functions_skipped) load_.warnings.push_back("The RDB file contains functions; they were not loaded");
  load_.functions_skipped = true;
  return true;
}

bool Reader::read_module_aux() {
  uint64_t id = 0;
  if (!in_.read_length(id)) return false;
  return in_.failed(
      {fmt::format("The RDB file contains AUX module data I can't load: no matching module '{}'", module_name(id)), 0});
}

bool Reader::read_select_db() {
  uint64_t db = 0;
  if (!in_.read_length(db)) return false;
  if (db >= static_cast<uint64_t>(options_.databases)) {
    return in_.failed({fmt::format("FATAL: Data file was created with a Redis server configured to handle more than {} "
                                   "databases. Exiting",
                                   options_.databases),
                       0});
  }
  db_ = static_cast<int>(db);
  return true;
}

bool Reader::read_expire(size_t bytes) {
  uint64_t bits = 0;
  if (!in_.read_little_endian(bits, bytes)) return false;
  expires_at_ = from_unix_ms(bytes == 4 ? int64_t{static_cast<int32_t>(bits)} * 1000 : static_cast<int64_t>(bits));
  return true;
}

bool Reader::read_entry(uint8_t type) {
  const RdbValueType* row = find_rdb_value_type(type);
  if (row == nullptr) return in_.corrupt(fmt::format("Unknown RDB encoding type {}", type));
  if (type == rdb::kTypeString) {
    std::string_view key, text;
    if (in_.read_texts_in_place(key, text)) {
      return add(key, Value::borrowed_string(text), std::exchange(expires_at_, std::nullopt));
    }
  }
  if (!in_.read_string(key_)) return false;
  if (row->name == "module-2") return refuse_module_value(key_);
  if (row->read == nullptr) {
    return in_.failed(
        {fmt::format("RDB value type {} ({}) of key {} in DB {} is not supported", type, row->name, quoted(key_), db_),
         0});
  }
  std::optional<Value> value;
  const bool read = type == rdb::kTypeString ? in_.read_string_value(value, RdbDecoder::Lifetime::borrowed)
                                             : row->read(in_, options_.limits, value);
  if (!read) return false;
  const auto expires_at = std::exchange(expires_at_, std::nullopt);
  if (value) return add(key_, std::move(*value), expires_at);
  constexpr uint64_t kMaxTold = 10;
  if (++load_.keys_empty <= kMaxTold) load_.warnings.push_back(fmt::format("rdbLoadObject skipping empty key: {}", key_));
  return true;
}

bool Reader::add(std::string_view key, Value&& value, std::optional<WallTime> expires_at) {
  if (expires_at && options_.drop_expired_at && *expires_at <= *options_.drop_expired_at) {
    ++load_.keys_expired;
    return true;
  }
  ++load_.keys_loaded;
  if (batch_) {
    batch_->add(db_, key, std::move(value), expires_at);
    return batch_->size() < batch_size_ || deliver();
  }
  auto inserted = out_.insert(db_, key, std::move(value), expires_at);
  return inserted || in_.failed(std::move(inserted.error()));
}

bool Reader::deliver() {
  if (!batch_ || batch_->empty()) return true;
  auto taken = out_.take(*batch_, in_.offset());
  return taken || in_.failed(std::move(taken.error()));
}

bool Reader::refuse_module_value(const std::string& key) {
  uint64_t id = 0;
  if (!in_.read_length(id)) return false;
  return in_.failed(
      {fmt::format("The RDB file contains module data I can't load: no matching module type '{}' (key {} in DB {})",
                   module_name(id), quoted(key), db_),
       0});
}

bool Reader::read_checksum() {
  if (load_.version < rdb::kFirstVersionWithChecksum) return true;
  const uint64_t computed = in_.checksum();
  uint64_t stored = 0;
  if (!in_.read_little_endian(stored, 8)) return false;
  if (!options_.verify_checksum) return true;
  if (stored == 0) {
    load_.warnings.push_back("RDB file was saved with checksum disabled: no check performed.");
    return true;
  }
  if (stored == computed) return true;
  return in_.failed(wrong_rdb_checksum(computed, stored).error());
}

Result<> Reader::report_if_due() {
  if (in_.offset() < next_progress_) return {};
  next_progress_ = in_.offset() + options_.progress_interval_bytes;
  return options_.on_progress ? options_.on_progress(in_.offset()) : Result<>();
}

void Reader::find_replication() {
  const auto field = [this](std::string_view name) -> std::string_view {
    const auto found = load_.aux.find(std::string(name));
    return found == load_.aux.end() ? std::string_view() : std::string_view(found->second);
  };
  const auto id = RunId::parse(field(rdb::kAuxReplId));
  const auto offset = parse_int64(field(rdb::kAuxReplOffset));
  const auto db = parse_int64(field(rdb::kAuxReplStreamDb));
  if (!id || !offset) return;
  const bool db_sound = db && *db >= -1 && *db < options_.databases;
  load_.replication = ReplicationPosition{*id, *offset, db_sound ? static_cast<int>(*db) : 0};
}

}  // namespace

Result<int> rdb_version(std::string_view header) {
  if (header.starts_with("VALKEY")) return fail("Can't handle RDB format version {} of Valkey", header.substr(6));
  if (!header.starts_with(rdb::kMagic)) return fail("Wrong signature trying to load DB from file");
  int version = 0;
  for (const char digit : header.substr(rdb::kMagic.size())) {
    if (digit < '0' || digit > '9') return fail("Wrong signature trying to load DB from file");
    version = version * 10 + (digit - '0');
  }
  if (version < rdb::kMinVersion || version > rdb::kMaxVersion)
    return fail("Can't handle RDB format version {}", version);
  return version;
}

std::unexpected<Error> wrong_rdb_checksum(uint64_t computed, uint64_t stored) {
  return fail("Wrong RDB checksum expected: ({:x}) but got ({:x}). Aborting now.", computed, stored);
}

namespace {

constexpr size_t kBatch = 64;        // some 10 KB of keys and values: they are in the cache still when they are inserted
constexpr size_t kQueuedBatch = 2048; // a hand-over between threads costs more

// The inserting half of a load whose decoder has a thread of its own.
Result<> insert_queued(BatchQueue& queue, DataLoader& loader, const RdbLoadOptions& options) {
  constexpr Millis kPatience{1};  // between progress reports while a long value is being decoded
  for (uint64_t bytes = 0, next_progress = 0;;) {
    BatchQueue::Taken taken = queue.take(kPatience);
    if (taken.finished) return {};
    if (taken.batch) {
      bytes = taken.bytes;
      if (auto done = loader.insert_batch(*taken.batch); !done) return done;
      queue.give_back(std::move(*taken.batch));
    }
    if (!options.on_progress || (taken.batch && bytes < next_progress)) continue;
    next_progress = bytes + options.progress_interval_bytes;
    if (auto done = options.on_progress(bytes); !done) return done;
  }
}

Result<RdbLoad> load_by_two_threads(ByteSource& source, DataLoader& loader, const EntryBatch::Rules& rules,
                                    const RdbLoadOptions& options) {
  BatchQueue queue(rules);
  RdbLoadOptions decoding = options;
  decoding.on_progress = nullptr;
  Result<RdbLoad> decoded;
  const unsigned arena = memory::arena_of_thread();
  const auto decode = [&] {
    (void)::pthread_setname_np(::pthread_self(), "load_decode");
    const memory::ThreadAccount account;
    memory::use_arena(arena);  // the entries are the executor's: it will free them and put others in their place
    QueueOutput output(queue);
    decoded = Reader(source, output, &rules, kQueuedBatch, decoding).run();
    queue.finish();
  };
  std::thread decoder;
  try {
    decoder = std::thread(decode);
  } catch (const std::system_error& error) {
    return fail("no thread to decode the file: {}", error.what());
  }
  const Result<> inserted = insert_queued(queue, loader, options);
  if (!inserted) queue.cancel();
  decoder.join();
  if (!inserted) return std::unexpected(inserted.error());
  return decoded;
}

}  // namespace

Result<RdbLoad> load_rdb(ByteSource& source, DataLoader& loader, const RdbLoadOptions& options) {
  const auto rules = loader.load_rules();
  LoaderOutput output(loader);
  auto loaded = rules && options.decode_aside ? load_by_two_threads(source, loader, *rules, options)
                                              : Reader(source, output, rules ? &*rules : nullptr, kBatch, options).run();
  loader.end_load();
  return loaded;
}

Result<RdbLoad> load_rdb_file(FileSystem& fs, const std::string& path, DataLoader& loader,
                              const RdbLoadOptions& options) {
  auto file = fs.open(path, FileSystem::Mode::read);
  if (!file) return std::unexpected(std::move(file.error()));
  RdbLoadOptions known = options;
  if (const auto size = (*file)->size()) known.source_bytes = *size;
  FileSource source(**file);
  return load_rdb(source, loader, known);
}

}  // namespace holdfast::node
