// Gives a payload that a replica has received and loaded the name of the node's own dump, as Redis does
// (`repl-diskless-load disabled`): after a crash the replica starts from it and asks for the rest of the stream.
//
// Executor thread only; the fsync is done on a thread of its own, because it takes as long as the payload is large.
#pragma once

#include <string>
#include <thread>

#include "common/fs/file_system.h"

namespace holdfast::node {

class PayloadKeeper {
 public:
  explicit PayloadKeeper(FileSystem& files) : files_(files) {}
  ~PayloadKeeper() { finish(); }

  // Makes `spool` durable under the name of `path`, in the same folder, which then holds the old content or the new one,
  // whole. `spool` is gone in any case, and at once. A failure is logged: the old content of `path` stays.
  void keep(const std::string& spool, const std::string& path);

 private:
  void finish() {
    if (thread_.joinable()) thread_.join();
  }

  FileSystem& files_;
  std::thread thread_;
};

}  // namespace holdfast::node
