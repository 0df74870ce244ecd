#include "node/persistence/aof_loader.h"

#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "common/base/text.h"
#include "common/log/log.h"
#include "node/persistence/aof_command_reader.h"
#include "node/persistence/aof_format.h"
#include "node/persistence/byte_stream.h"
#include "node/persistence/rdb_format.h"

namespace holdfast::node {

namespace {

// A transaction's commands until its EXEC is seen.
class HeldCommands {
 public:
  bool open() const { return open_; }
  void begin(uint64_t offset) { open_ = true, offset_ = offset; }
  uint64_t offset() const { return offset_; }  // of MULTI
  void add(std::span<const std::string_view> argv) { commands_.emplace_back(argv.begin(), argv.end()); }

  Result<uint64_t> run(const AofExecutor& execute) {
    std::vector<std::string_view> argv;
    for (const auto& command : commands_) {
      argv.assign(command.begin(), command.end());
      if (auto done = execute(argv); !done) return std::unexpected(std::move(done.error()));
    }
    const uint64_t count = commands_.size();
    clear();
    return count;
  }
  void clear() {
    open_ = false;
    commands_.clear();
  }

 private:
  bool open_ = false;
  uint64_t offset_ = 0;
  std::vector<std::vector<std::string>> commands_;
};

class Loader {
 public:
  Loader(FileSystem& fs, const Clock& clock, const std::string& directory, DataLoader& data, const AofExecutor& execute,
         const AofLoadOptions& options)
      : fs_(fs), clock_(clock), directory_(directory), data_(data), execute_(execute), options_(options) {}

  Result<AofLoad> run(const AofManifest& manifest);

 private:
  Result<size_t> find_last(const std::vector<AofFile>& files);
  Result<> load_file(const AofFile& entry, bool last);
  Result<uint64_t> load_preamble(File& file, const AofFile& entry);
  Result<> load_commands(File& file, uint64_t offset, bool last);
  Result<> load_command(AofCommandReader& reader);
  void load_annotation(std::string_view annotation);
  Result<> cut_tail(uint64_t valid_bytes, bool last);
  Result<> progress(uint64_t file_bytes);

  FileSystem& fs_;
  const Clock& clock_;
  const std::string& directory_;
  DataLoader& data_;
  const AofExecutor& execute_;
  const AofLoadOptions& options_;
  AofLoad load_;
  std::string name_;  // of the file being loaded
  HeldCommands held_;
  uint64_t next_progress_ = 0;
};

Result<AofLoad> Loader::run(const AofManifest& manifest) {
  const std::vector<AofFile> files = manifest.load_order();
  const auto last = find_last(files);
  if (!last) return std::unexpected(last.error());
  for (size_t i = 0; i < files.size(); ++i) {
    const Instant begin = clock_.now();
    if (auto loaded = load_file(files[i], i >= *last); !loaded) {
      return std::unexpected(std::move(loaded.error()));
    }
    const bool base = files[i].type == AofFile::Type::base;
    log::notice("DB loaded from {} file {}: {:.3f} seconds", base ? "base" : "incr", files[i].name,
                static_cast<double>(count_ms(clock_.now() - begin)) / 1000);
  }
  return std::move(load_);
}

// Checks that all are there; the index of the last one that holds anything. A tail may be torn there (an increment that
// was made and never written may follow).
Result<size_t> Loader::find_last(const std::vector<AofFile>& files) {
  size_t last = 0;
  uint64_t bytes = 0;
  for (size_t i = 0; i < files.size(); ++i) {
    auto file = fs_.open(join_path(directory_, files[i].name), FileSystem::Mode::read);
    if (!file && file.error().code == ENOENT) {
      return fail("The AOF file {} is in the manifest but it does not exist: {}", files[i].name, std::strerror(ENOENT));
    }
    if (!file) {
      return fail("Fatal error: can't open the append log file {} for reading: {}", files[i].name, file.error().text);
    }
    const auto size = (*file)->size();
    if (!size) return std::unexpected(size.error());
    if (*size > 0) last = i;
    bytes += *size;
  }
  if (options_.on_size) options_.on_size(bytes);
  return last;
}

Result<> Loader::load_file(const AofFile& entry, bool last) {
  name_ = entry.name;
  const std::string path = join_path(directory_, entry.name);
  // Opened for writing only when a tail has to be cut: a log on read-only media can be loaded.
  auto file = fs_.open(path, FileSystem::Mode::read);
  if (!file)
    return fail("Fatal error: can't open the append log file {} for reading: {}", entry.name, file.error().text);
  auto preamble = load_preamble(**file, entry);
  if (!preamble) return std::unexpected(std::move(preamble.error()));
  if (auto loaded = load_commands(**file, *preamble, last); !loaded) return loaded;
  const auto size = (*file)->size();
  if (!size) return std::unexpected(size.error());
  load_.total_bytes += *size;
  if (entry.type == AofFile::Type::base) load_.base_bytes = *size;
  return {};
}

// The bytes of the RDB that the file begins with; 0 when it begins with commands.
Result<uint64_t> Loader::load_preamble(File& file, const AofFile& entry) {
  char magic[5];
  const auto count = file.read_at(0, magic);
  if (!count) return std::unexpected(count.error());
  if (std::string_view(magic, *count) != rdb::kMagic) return uint64_t{0};
  if (entry.name.ends_with(".rdb")) {
    log::notice("Reading RDB base file on AOF loading...");
  } else {
    log::notice("Reading RDB preamble from AOF file...");
  }
  RdbLoadOptions options = options_.rdb;
  options.drop_expired_at = std::nullopt;  // the commands that follow expect the keys
  options.on_progress = [this](uint64_t bytes) { return progress(bytes); };
  if (const auto size = file.size()) options.source_bytes = *size;
  FileSource source(file);
  auto loaded = load_rdb(source, data_, options);
  if (!loaded) {
    return fail("Error reading the RDB preamble of the AOF file {}, AOF loading aborted: {}", name_,
                loaded.error().text);
  }
  for (const std::string& warning : loaded->warnings) log::warning("{}", warning);
  load_.keys += loaded->keys_loaded;
  load_.replication = loaded->replication;
  load_.replication_exact = loaded->replication.has_value();
  return loaded->bytes;
}

Result<> Loader::load_commands(File& file, uint64_t offset, bool last) {
  AofCommandReader reader(file, offset);
  while (true) {
    const auto item = reader.next();
    if (!item) {
      return fail("Unrecoverable error reading the append only file {}: {}", name_, item.error().text);
    }
    if (auto done = progress(reader.offset()); !done) return done;
    switch (*item) {
      case AofCommandReader::Item::command:
        if (options_.pipeline && !reader.batch().empty()) options_.pipeline->expect(reader.batch());
        if (auto done = load_command(reader); !done) return done;
        break;
      case AofCommandReader::Item::annotation:
        load_annotation(reader.annotation());
        break;
      case AofCommandReader::Item::corrupt:
        return fail(
            "Bad file format reading the append only file {}: make a backup of your AOF file, then use "
            "./redis-check-aof --fix <filename.manifest> (at offset {}: {})",
            name_, reader.offset(), reader.reason());
      case AofCommandReader::Item::end:
      case AofCommandReader::Item::torn:
        if (held_.open()) {
          log::warning("Revert incomplete MULTI/EXEC transaction from AOF file {}", name_);
          const uint64_t valid = held_.offset();
          held_.clear();
          return cut_tail(valid, last);
        }
        if (*item == AofCommandReader::Item::torn) return cut_tail(reader.offset(), last);
        return {};
    }
  }
}

Result<> Loader::load_command(AofCommandReader& reader) {
  const auto argv = reader.args();
  const auto wrong = [&](std::string_view what) -> Result<> {
    return fail(
        "Bad file format reading the append only file {}: make a backup of your AOF file, then use "
        "./redis-check-aof --fix <filename.manifest> (at offset {}: {})",
        name_, reader.offset(), what);
  };
  if (argv.size() == 1 && iequals(argv[0], "MULTI")) {
    if (held_.open()) return wrong("MULTI inside MULTI");
    held_.begin(reader.offset());
    return {};
  }
  if (held_.open() && !(argv.size() == 1 && iequals(argv[0], "EXEC"))) {
    held_.add(argv);
    return {};
  }
  Result<uint64_t> done = uint64_t{1};
  if (held_.open()) {
    done = held_.run(execute_);
  } else if (iequals(argv[0], "EXEC")) {
    return wrong("EXEC without MULTI");
  } else if (auto executed = options_.pipeline && reader.number() ? options_.pipeline->execute(argv, *reader.number())
                                                                  : execute_(argv);
             !executed) {
    done = std::unexpected(std::move(executed.error()));
  }
  if (!done)
    return fail("{} reading the append only file {} (at offset {})", done.error().text, name_, reader.offset());
  load_.commands += *done;
  if (!iequals(argv[0], "SELECT")) load_.replication_exact = false;
  return {};
}

void Loader::load_annotation(std::string_view annotation) {
  if (held_.open()) return;
  if (const auto position = aof::parse_replication(annotation)) {
    load_.replication = position;
    load_.replication_exact = true;
  }
}

Result<> Loader::cut_tail(uint64_t valid_bytes, bool last) {
  log::warning("!!! Warning: short read while loading the AOF file {}!!!", name_);
  if (!last) return fail("Fatal error: the truncated file is not the last file ({} ends inside a command)", name_);
  if (!options_.load_truncated) {
    return fail(
        "Unexpected end of file reading the append only file {}. You can: 1) Make a backup of your AOF file, then use "
        "./redis-check-aof --fix <filename.manifest>. 2) Alternatively you can set the 'aof-load-truncated' "
        "configuration option to yes and restart the server.",
        name_);
  }
  log::warning("AOF {} loaded anyway because aof-load-truncated is enabled", name_);
  log::warning("Truncating the AOF {} at offset {}", name_, valid_bytes);
  auto file = fs_.open(join_path(directory_, name_), FileSystem::Mode::append);
  if (!file) return fail("Error truncating the AOF file {}: {}", name_, file.error().text);
  const auto size = (*file)->size();
  if (size) load_.truncated_bytes = *size - valid_bytes;
  auto done = (*file)->truncate(valid_bytes);
  if (done) done = (*file)->sync();
  if (!done) return fail("Error truncating the AOF file {}: {}", name_, done.error().text);
  return {};
}

Result<> Loader::progress(uint64_t file_bytes) {
  const uint64_t bytes = load_.total_bytes + file_bytes;
  if (bytes < next_progress_ || !options_.rdb.on_progress) return {};
  next_progress_ = bytes + options_.rdb.progress_interval_bytes;
  return options_.rdb.on_progress(bytes);
}

}  // namespace

Result<AofLoad> load_aof(FileSystem& fs, const Clock& clock, const std::string& directory, const AofManifest& manifest,
                         DataLoader& loader, const AofExecutor& execute, const AofLoadOptions& options) {
  return Loader(fs, clock, directory, loader, execute, options).run(manifest);
}

}  // namespace holdfast::node
