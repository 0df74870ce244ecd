// The check of a whole file before it replaces anything: header, end, checksum; no value is parsed.
#include <algorithm>

#include "node/persistence/crc64.h"
#include "node/persistence/rdb_decoder.h"
#include "node/persistence/rdb_format.h"
#include "node/persistence/rdb_reader.h"

namespace holdfast::node {

namespace {

constexpr size_t kFooterBytes = 8;
constexpr size_t kBlockBytes = 256 * 1024;

std::unexpected<Error> short_read() { return std::unexpected(Error{std::string(RdbDecoder::kShortRead), 0}); }

Result<std::string> read_exactly(File& file, uint64_t offset, size_t count) {
  std::string bytes(count, '\0');
  for (size_t done = 0; done < count;) {
    const auto part = file.read_at(offset + done, std::span(bytes).subspan(done));
    if (!part) return std::unexpected(part.error());
    if (*part == 0) return short_read();
    done += *part;
  }
  return bytes;
}

}  // namespace

Result<> verify_rdb_file(FileSystem& fs, const std::string& path) {
  auto file = fs.open(path, FileSystem::Mode::read);
  if (!file) return std::unexpected(std::move(file.error()));
  const auto size = (*file)->size();
  if (!size) return std::unexpected(size.error());
  if (*size < rdb::kHeaderBytes) return short_read();
  const auto header = read_exactly(**file, 0, rdb::kHeaderBytes);
  if (!header) return std::unexpected(header.error());
  const auto version = rdb_version(*header);
  if (!version) return std::unexpected(version.error());
  if (*version < rdb::kFirstVersionWithChecksum) return {};
  if (*size < rdb::kHeaderBytes + 1 + kFooterBytes) return short_read();
  const uint64_t summed = *size - kFooterBytes;
  const auto footer = read_exactly(**file, summed - 1, 1 + kFooterBytes);
  if (!footer) return std::unexpected(footer.error());
  if (static_cast<uint8_t>(footer->front()) != rdb::kEof) return short_read();
  uint64_t stored = 0;
  for (size_t i = 0; i < kFooterBytes; ++i) stored |= uint64_t{static_cast<uint8_t>((*footer)[1 + i])} << (8 * i);
  if (stored == 0) return {};
  uint64_t computed = 0;
  for (uint64_t at = 0; at < summed;) {
    const auto block = read_exactly(**file, at, static_cast<size_t>(std::min<uint64_t>(kBlockBytes, summed - at)));
    if (!block) return std::unexpected(block.error());
    computed = crc64(computed, *block);
    at += block->size();
  }
  if (stored != computed) return wrong_rdb_checksum(computed, stored);
  return {};
}

}  // namespace holdfast::node
