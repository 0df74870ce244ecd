// Keeps records of failovers across restarts: a file of JSON lines beside the config file, the oldest first.
//
// It is for operators' eyes, and no decision depends on it: it is not synced, lines that cannot be read are passed
// over, and where it cannot be written a warning is logged once. It is rewritten when it holds twice as many as are
// kept.
#pragma once

#include <string>
#include <vector>

#include "common/fs/file_system.h"
#include "sentinel/core/failover_record.h"

namespace holdfast::sentinel {

class RecordFile {
 public:
  RecordFile(FileSystem& fs, std::string path) : fs_(fs), path_(std::move(path)) {}

  std::vector<FailoverRecord> load();
  // `all`: what is kept, this one included.
  void append(const FailoverRecord& record, const std::vector<FailoverRecord>& all);

 private:
  void write(FileSystem::Mode mode, const std::string& lines);

  FileSystem& fs_;
  const std::string path_;
  size_t lines_ = 0;
  bool warned_ = false;
};

}  // namespace holdfast::sentinel
