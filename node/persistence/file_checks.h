// The offline tools: --check-rdb and --check-aof. Words, order and exit codes are those of redis-check-rdb and
// redis-check-aof 7.0, where they say something.
//
// A file of commands is a single append-only file of any age, or a manifest: then all that it names is checked in order.
// Only --fix and --truncate-to-timestamp change anything: they cut the end off the last file, and sync it.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "common/fs/file_system.h"
#include "common/time/clock.h"
#include "node/persistence/rdb_check.h"

namespace holdfast::node {

// Where the tools work; tests give their own.
struct CheckSurroundings {
  FileSystem& fs;
  WallTime now;
  SayLine say;
  std::function<bool()> agreed;  // asks "Continue? [y/N]: " and gives the answer
};

struct AofCheckRequest {
  std::string path;
  bool fix = false;
  bool assume_yes = false;
  std::optional<int64_t> until;  // --truncate-to-timestamp, unix seconds
};

// [--fix [--yes] | --truncate-to-timestamp T] FILE; an error is what to say to the user.
Result<AofCheckRequest> parse_aof_check(std::span<const std::string> arguments);

// Both return the process's exit code.
int check_rdb_file(const CheckSurroundings& around, const std::string& path);
int check_aof_files(const CheckSurroundings& around, const AofCheckRequest& request);

}  // namespace holdfast::node
