// What a crash, or somebody's hand, has left in the folder of the append-only file beside what the manifest names.
#include "common/base/text.h"
#include "common/log/log.h"
#include "node/persistence/append_only_file.h"

namespace holdfast::node {

// Without a manifest: the files that a crash of the very first start leaves were never written to. Others hold data that
// only the manifest can put in order, and beginning anew would write over them.
Result<> AppendOnlyFile::check_nothing_is_lost() {
  if (fs_.exists(path_of(names_.manifest()))) return {};
  const auto names = fs_.list(folder_path());
  if (!names) return {};  // no folder
  std::string found;
  bool lost = false;
  for (const std::string& name : *names) {
    const auto sequence = names_.sequence_of(name);
    if (!sequence) continue;
    found += (found.empty() ? "" : ", ") + name;
    lost |= *sequence > 1;
    if (!name.ends_with(".incr.aof")) continue;
    auto file = fs_.open(path_of(name), FileSystem::Mode::read);
    if (!file) return fail("Fatal error: can't open the append log file {} for reading: {}", name, file.error().text);
    lost |= (*file)->size().value_or(1) > 0;
  }
  if (!lost) return {};
  return fail(
      "Fatal error: the AOF manifest file {} is missing, but {} holds files of an append-only file: {}. Restore the "
      "manifest, or move these files away to start without them.",
      names_.manifest(), options_.folder, found);
}

// What a killed process wrote is loaded from the kernel's memory: neither its bytes nor its names need be on the disk. What
// is logged from now on stands on them.
Result<> AppendOnlyFile::sync_loaded() {
  for (const AofFile& entry : manifest_.load_order()) {
    auto file = fs_.open(path_of(entry.name), FileSystem::Mode::read);
    Result<> done;
    if (file) {
      done = (*file)->sync();
    } else {
      done = std::unexpected(file.error());
    }
    if (!done) return fail("Can't sync the append-only file {}: {}", entry.name, done.error().text);
  }
  auto done = fs_.sync_directory(folder_path());
  if (!done) return fail("Can't sync the append-only dir {}: {}", options_.folder, done.error().text);
  return {};
}

// Once the manifest is loaded, and durable. Names of ours that it does not mention: a rewrite that was cut off before the manifest
// named its files, or files whose removal the disk forgot.
void AppendOnlyFile::remove_leftovers() {
  remove_stale_temporaries(fs_, folder_path());
  for (const std::string& name :
       {names_.temporary_incremental(), names_.manifest() + ".tmp", "temp-" + names_.manifest()}) {
    if (fs_.exists(path_of(name)) && fs_.remove(path_of(name))) {
      log::notice("Removed the temporary file {} of an earlier run", name);
    }
  }
  const auto names = fs_.list(folder_path());
  if (!names) return;
  for (const std::string& name : *names) {
    if (!names_.sequence_of(name) || manifest_.mentions(name)) continue;
    if (fs_.remove(path_of(name))) log::warning("Removed {}, which the AOF manifest does not name", name);
  }
}

}  // namespace holdfast::node
