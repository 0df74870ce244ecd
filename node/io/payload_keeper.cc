#include "node/io/payload_keeper.h"

#include <system_error>

#include "common/log/log.h"
#include "common/process/helper_thread.h"

namespace holdfast::node {

namespace {

Result<> put_in_place(FileSystem& files, const std::string& from, const std::string& to) {
  auto file = files.open(from, FileSystem::Mode::append);
  if (!file) return std::unexpected(file.error());
  if (auto synced = (*file)->sync(); !synced) return synced;
  if (auto renamed = files.rename(from, to); !renamed) return renamed;
  return files.sync_directory(directory_of(to));
}

}  // namespace

void PayloadKeeper::keep(const std::string& spool, const std::string& path) {
  finish();
  const std::string kept = spool + ".kept";  // the next payload may come under the name of `spool` meanwhile
  if (const auto renamed = files_.rename(spool, kept); !renamed) {
    log::warning("Failed to keep the synchronization's RDB file: {}", renamed.error().text);
    (void)files_.remove(spool);
    return;
  }
  try {
    thread_ = std::thread([this, kept, path] {
      process::name_thread("keep_payload");
      const auto done = put_in_place(files_, kept, path);
      if (done) return;
      log::warning("Failed to rename the synchronization's RDB file to {}: {}", path, done.error().text);
      (void)files_.remove(kept);
    });
  } catch (const std::system_error& no_thread) {
    log::warning("Failed to keep the synchronization's RDB file: {}", no_thread.what());
    (void)files_.remove(kept);
  }
}

}  // namespace holdfast::node
