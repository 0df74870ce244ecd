#include "sentinel/io/record_file.h"

#include "common/base/text.h"
#include "common/log/log.h"
#include "sentinel/metrics/failover_json.h"

namespace holdfast::sentinel {

std::vector<FailoverRecord> RecordFile::load() {
  std::vector<FailoverRecord> records;
  const auto text = read_whole_file(fs_, path_);
  if (!text) return records;
  for (const std::string_view line : split(*text, '\n')) {
    if (line.empty()) continue;
    ++lines_;
    if (auto record = record_of(line)) records.push_back(std::move(*record));
  }
  return records;
}

void RecordFile::append(const FailoverRecord& record, const std::vector<FailoverRecord>& all) {
  if (lines_ < 2 * all.size() || lines_ < 2) {
    write(FileSystem::Mode::append, json_text(json_of(record)) + "\n");
    ++lines_;
    return;
  }
  std::string lines;
  for (const FailoverRecord& each : all) lines += json_text(json_of(each)) + "\n";
  write(FileSystem::Mode::create, lines);
  lines_ = all.size();
}

void RecordFile::write(FileSystem::Mode mode, const std::string& lines) {
  Result<> done;
  auto file = fs_.open(path_, mode);
  if (file) {
    done = (*file)->append(lines);
  } else {
    done = std::unexpected(file.error());
  }
  if (done || warned_) return;
  warned_ = true;
  log::warning("The record of failovers could not be written to {}: {}", path_, done.error().text);
}

}  // namespace holdfast::sentinel
