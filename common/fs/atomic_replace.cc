#include <cerrno>

#include "common/fs/file_system.h"

namespace holdfast {

std::string directory_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string join_path(const std::string& directory, std::string_view name) {
  if (directory.empty() || (!name.empty() && name.front() == '/')) return std::string(name);
  return directory.back() == '/' ? directory + std::string(name) : directory + "/" + std::string(name);
}

Result<std::string> read_whole_file(FileSystem& fs, const std::string& path) {
  auto file = fs.open(path, FileSystem::Mode::read);
  if (!file) return std::unexpected(file.error());
  std::string content;
  std::string block(64 * 1024, '\0');
  while (true) {
    const auto count = (*file)->read_at(content.size(), block);
    if (!count) return std::unexpected(count.error());
    if (*count == 0) return content;
    content.append(block, 0, *count);
  }
}

namespace {

Result<> write_synced(FileSystem& fs, const std::string& path, std::string_view content) {
  auto file = fs.open(path, FileSystem::Mode::create);
  if (!file) return std::unexpected(file.error());
  if (auto written = (*file)->append(content); !written) return written;
  return (*file)->sync();
}

}  // namespace

Result<> atomic_replace(FileSystem& fs, const std::string& path, std::string_view content) {
  const std::string temporary = path + ".tmp";
  auto done = write_synced(fs, temporary, content);
  if (done) done = fs.rename(temporary, path);
  if (!done) {
    const Error error = done.error();
    (void)fs.remove(temporary);
    if (error.code != EBUSY && error.code != EXDEV) return std::unexpected(error);
    return write_synced(fs, path, content);
  }
  return fs.sync_directory(directory_of(path));
}

}  // namespace holdfast
