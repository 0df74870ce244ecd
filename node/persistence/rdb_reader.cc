#include "node/persistence/rdb_reader.h"

#include <string_view>
#include <utility>

#include "common/base/text.h"
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

class Reader {
 public:
  Reader(ByteSource& source, DataLoader& loader, const RdbLoadOptions& options)
      : in_(source, options.verify_checksum), loader_(loader), options_(options) {}

  Result<RdbLoad> run() {
    if (!read_header() || !read_records() || !read_checksum()) return std::unexpected(in_.error());
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
  bool report_progress();
  void find_replication();

  RdbDecoder in_;
  DataLoader& loader_;
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
    if (in_.offset() >= next_progress_ && !report_progress()) return false;
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
      return skip_lengths(2);
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

bool Reader::read_aux() {
  constexpr size_t kMaxKept = 1000;  // fields that a hostile file can make us remember
  std::string name;
  std::string value;
  if (!in_.read_string(name) || !in_.read_string(value)) return false;
  if (name == rdb::kAuxAofBase || name == rdb::kAuxAofPreamble) load_.aof_base = value != "0";
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
  if (!in_.read_string(key_)) return false;
  if (row->name == "module-2") return refuse_module_value(key_);
  if (row->read == nullptr) {
    return in_.failed(
        {fmt::format("RDB value type {} ({}) of key {} in DB {} is not supported", type, row->name, quoted(key_), db_),
         0});
  }
  std::optional<Value> value;
  if (!row->read(in_, options_.limits, value)) return false;
  const auto expires_at = std::exchange(expires_at_, std::nullopt);
  if (!value) {
    constexpr uint64_t kMaxTold = 10;
    if (++load_.keys_empty <= kMaxTold) load_.warnings.push_back(fmt::format("rdbLoadObject skipping empty key: {}", key_));
    return true;
  }
  if (expires_at && options_.drop_expired_at && *expires_at <= *options_.drop_expired_at) {
    ++load_.keys_expired;
    return true;
  }
  if (auto inserted = loader_.insert(db_, key_, std::move(*value), expires_at); !inserted) {
    return in_.failed(std::move(inserted.error()));
  }
  ++load_.keys_loaded;
  return true;
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

bool Reader::report_progress() {
  next_progress_ = in_.offset() + options_.progress_interval_bytes;
  if (!options_.on_progress) return true;
  auto done = options_.on_progress(in_.offset());
  return done || in_.failed(std::move(done.error()));
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

Result<RdbLoad> load_rdb(ByteSource& source, DataLoader& loader, const RdbLoadOptions& options) {
  return Reader(source, loader, options).run();
}

Result<RdbLoad> load_rdb_file(FileSystem& fs, const std::string& path, DataLoader& loader,
                              const RdbLoadOptions& options) {
  auto file = fs.open(path, FileSystem::Mode::read);
  if (!file) return std::unexpected(std::move(file.error()));
  FileSource source(**file);
  return load_rdb(source, loader, options);
}

}  // namespace holdfast::node
