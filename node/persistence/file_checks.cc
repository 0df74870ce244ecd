#include "node/persistence/file_checks.h"

#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "common/base/text.h"
#include "node/persistence/aof_manifest.h"
#include "node/persistence/aof_scan.h"
#include "node/persistence/byte_stream.h"
#include "node/persistence/rdb_format.h"

namespace holdfast::node {

namespace {

constexpr std::string_view kUsage = "Usage: redis-check-aof [--fix|--truncate-to-timestamp $timestamp] <file.manifest|file.aof>";

std::string reason(const Error& error) { return error.code != 0 ? std::strerror(error.code) : error.text; }

// Whether the file's first line that is no comment is one of a manifest.
Result<bool> is_manifest(File& file) {
  std::string head(4096, '\0');
  const auto count = file.read_at(0, head);
  if (!count) return std::unexpected(count.error());
  std::string_view rest(head.data(), *count);
  while (rest.starts_with('#')) {
    const size_t end = rest.find('\n');
    if (end == std::string_view::npos) return false;
    rest.remove_prefix(end + 1);
  }
  return rest.starts_with("file ");
}

class AofFilesCheck {
 public:
  AofFilesCheck(const CheckSurroundings& around, const AofCheckRequest& request) : around_(around), request_(request) {}

  int run() {
    auto file = around_.fs.open(request_.path, FileSystem::Mode::read);
    if (!file) return refuse("Cannot open file {}: {}", request_.path, reason(file.error()));
    const auto manifest = is_manifest(**file);
    if (!manifest) return refuse("Cannot read file {}: {}", request_.path, reason(manifest.error()));
    if (*manifest) return check_manifest();
    say("Start checking Old-Style AOF");
    const State state = check_file(request_.path, request_.path, true);
    if (state == State::valid) say("AOF {} is valid", request_.path);
    if (state == State::empty) say("AOF {} is empty", request_.path);
    return state == State::bad ? 1 : 0;
  }

 private:
  enum class State { valid, empty, cut, bad };

  template <class... Args>
  void say(fmt::format_string<Args...> text, Args&&... args) {
    around_.say(fmt::format(text, std::forward<Args>(args)...));
  }
  template <class... Args>
  int refuse(fmt::format_string<Args...> text, Args&&... args) {
    around_.say(fmt::format(text, std::forward<Args>(args)...));
    return 1;
  }

  int check_manifest() {
    say("Start checking Multi Part AOF");
    const auto text = read_whole_file(around_.fs, request_.path);
    if (!text) return refuse("Cannot read file {}: {}", request_.path, reason(text.error()));
    const auto manifest = AofManifest::parse(*text);
    if (!manifest) return refuse("*** FATAL AOF MANIFEST FILE ERROR ***\n{}", manifest.error().text);
    const std::vector<AofFile> files = manifest->load_order();
    bool incrementals = false;
    for (size_t i = 0; i < files.size(); ++i) {
      const bool base = files[i].type == AofFile::Type::base;
      const std::string path = join_path(directory_of(request_.path), files[i].name);
      if (base) say("Start to check BASE AOF ({} format).", begins_as_rdb(path) ? "RDB" : "RESP");
      if (!base && !std::exchange(incrementals, true)) say("Start to check INCR files.");
      const State state = check_file(path, files[i].name, i + 1 == files.size());
      const std::string_view kind = base ? "BASE" : "INCR";
      if (state == State::bad) return 1;
      if (state == State::valid) say("{} AOF {} is valid", kind, files[i].name);
      if (state == State::empty) say("{} AOF {} is empty", kind, files[i].name);
    }
    say("All AOF files and manifest are valid");
    return 0;
  }

  bool begins_as_rdb(const std::string& path) {
    char magic[5];
    auto file = around_.fs.open(path, FileSystem::Mode::read);
    if (!file) return false;
    const auto count = (*file)->read_at(0, magic);
    return count && std::string_view(magic, *count) == rdb::kMagic;
  }

  State bad(std::string text) {
    around_.say(text);
    return State::bad;
  }

  State check_file(const std::string& path, const std::string& name, bool last) {
    auto file = around_.fs.open(path, FileSystem::Mode::read);
    if (!file) return bad(fmt::format("Cannot open file {}: {}, aborting...", path, reason(file.error())));
    const auto size = (*file)->size();
    if (!size) return bad(fmt::format("Cannot stat file {}: {}, aborting...", path, reason(size.error())));
    if (*size == 0) return State::empty;
    uint64_t commands_at = 0;
    if (begins_as_rdb(path)) {
      FileSource source(**file);
      const RdbCheck preamble = check_rdb(source, name, around_.now, around_.say);
      if (!preamble.sound) return bad("RDB preamble of AOF file is not sane, aborting.");
      say("RDB preamble is OK, proceeding with AOF tail...");
      commands_at = preamble.bytes;
    }
    const auto scan = scan_aof(**file, commands_at, name, request_.until);
    if (!scan) return bad(fmt::format("Cannot read file {}: {}, aborting...", path, reason(scan.error())));
    if (!scan->sound()) {
      say("0x{:>16x}: {}", scan->fault_offset, scan->fault);
      if (scan->no_command) say("AOF {} format error", name);
    }
    if (request_.until) return cut_at_time(path, name, *scan, last);
    say("AOF analyzed: filename={}, size={}, ok_up_to={}, ok_up_to_line={}, diff={}", name, scan->size, scan->sound_bytes,
        scan->lines, scan->size - scan->sound_bytes);
    return scan->sound() ? State::valid : mend(path, name, *scan, last);
  }

  State mend(const std::string& path, const std::string& name, const AofScan& scan, bool last) {
    if (!request_.fix) return bad(fmt::format("AOF {} is not valid. Use the --fix option to try fixing it.", name));
    if (!last) return bad(fmt::format("Failed to truncate AOF {} because it is not the last file", name));
    say("This will shrink the AOF {} from {} bytes, with {} bytes, to {} bytes", name, scan.size,
        scan.size - scan.sound_bytes, scan.sound_bytes);
    if (!request_.assume_yes && !around_.agreed()) return bad("Aborting...");
    if (auto done = truncate(path, scan.sound_bytes); !done) {
      return bad(fmt::format("Failed to truncate AOF {}: {}", name, reason(done.error())));
    }
    say("Successfully truncated AOF {}", name);
    return State::cut;
  }

  State cut_at_time(const std::string& path, const std::string& name, const AofScan& scan, bool last) {
    const int64_t until = *request_.until;
    if (!scan.sound()) {
      return bad(fmt::format("AOF {} is not valid before timestamp {}. Use the --fix option first.", name, until));
    }
    if (!scan.cut) {
      say("Truncate nothing in AOF {} to timestamp {}", name, until);
      return State::valid;
    }
    if (!last) {
      return bad(fmt::format("Failed to truncate AOF {} to timestamp {} to offset {} because it is not the last file.\n"
                             "If you insist, please delete all files after this file according to the manifest file and "
                             "delete the corresponding records in manifest file manually. Then re-run redis-check-aof.",
                             name, until, *scan.cut));
    }
    if (*scan.cut == 0 && path == request_.path) {
      return bad(fmt::format("AOF {} has nothing before timestamp {}, aborting...", name, until));
    }
    if (auto done = truncate(path, *scan.cut); !done) {
      return bad(fmt::format("Failed to truncate AOF {} to timestamp {}: {}", name, until, reason(done.error())));
    }
    say("Successfully truncated AOF {} to timestamp {}", name, until);
    return State::cut;
  }

  Result<> truncate(const std::string& path, uint64_t size) {
    auto file = around_.fs.open(path, FileSystem::Mode::append);
    if (!file) return std::unexpected(file.error());
    if (auto done = (*file)->truncate(size); !done) return done;
    return (*file)->sync();
  }

  const CheckSurroundings& around_;
  const AofCheckRequest& request_;
};

}  // namespace

Result<AofCheckRequest> parse_aof_check(std::span<const std::string> arguments) {
  AofCheckRequest request;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& word = arguments[i];
    if (word == "--fix") {
      request.fix = true;
    } else if (word == "--yes") {
      request.assume_yes = true;
    } else if (word == "--truncate-to-timestamp" && i + 1 < arguments.size()) {
      request.until = parse_int64(arguments[++i]);
      if (!request.until || *request.until <= 0) return fail("Invalid timestamp, aborting...");
    } else if (word.starts_with("--") || !request.path.empty()) {
      return fail("{}", kUsage);
    } else {
      request.path = word;
    }
  }
  if (request.path.empty() || (request.fix && request.until)) return fail("{}", kUsage);
  return request;
}

int check_rdb_file(const CheckSurroundings& around, const std::string& path) {
  auto file = around.fs.open(path, FileSystem::Mode::read);
  if (!file) {
    around.say(fmt::format("Cannot open file {}: {}", path, reason(file.error())));
    return 1;
  }
  FileSource source(**file);
  return check_rdb(source, path, around.now, around.say).sound ? 0 : 1;
}

int check_aof_files(const CheckSurroundings& around, const AofCheckRequest& request) {
  return AofFilesCheck(around, request).run();
}

}  // namespace holdfast::node
