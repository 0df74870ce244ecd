// Helpers of the persistence tests: a few commands over MemoryDataSet, command texts, a folder of their own.
#pragma once

#include <cstdlib>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/text.h"
#include "node/keyspace/effect_sink.h"
#include "node/persistence/aof_format.h"
#include "tests/support/eventually.h"
#include "tests/support/memory_data_set.h"

namespace holdfast::node {

// Executes what the tests log. An unknown command is an error, as in the node.
class Replayer {
 public:
  explicit Replayer(test::MemoryDataSet& data) : data_(data) {}

  Result<> operator()(std::span<const std::string_view> argv) {
    ++commands;
    auto& keys = data_.databases[db_];
    const auto key = [&] { return std::string(argv[1]); };
    if (iequals(argv[0], "SELECT") && argv.size() == 2) {
      if (keys.empty()) data_.databases.erase(db_);
      db_ = static_cast<int>(parse_int64(argv[1]).value_or(0));
    } else if (iequals(argv[0], "SET") && argv.size() == 3) {
      keys.insert_or_assign(key(), test::MemoryDataSet::text(std::string(argv[2])));
    } else if (iequals(argv[0], "DEL") && argv.size() == 2) {
      keys.erase(key());
    } else if (iequals(argv[0], "PEXPIREAT") && argv.size() == 3) {
      keys.at(key()).expires_ms = parse_int64(argv[2]);
    } else if (iequals(argv[0], "INCR") && argv.size() == 2) {
      const auto found = keys.find(key());
      const int64_t old = found == keys.end() ? 0 : parse_int64(found->second.bytes).value_or(0);
      keys.insert_or_assign(key(), test::MemoryDataSet::text(std::to_string(old + 1)));
    } else {
      return fail("Unknown command '{}'", argv[0]);
    }
    return {};
  }
  uint64_t commands = 0;

 private:
  test::MemoryDataSet& data_;
  int db_ = 0;
};

inline std::string command(std::initializer_list<std::string_view> argv) {
  std::string text;
  aof::append_command(text, std::vector<std::string_view>(argv));
  return text;
}

inline void feed(EffectSink& sink, int db, std::initializer_list<std::string_view> argv) {
  sink.feed(db, std::vector<std::string_view>(argv));
}

using test::eventually;

// A folder of the machine's that goes with the object.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    char name[] = "/tmp/holdfast-test-XXXXXX";
    path_ = ::mkdtemp(name);
  }
  ~TemporaryFolder() {
    const int ignored = std::system(("rm -rf " + path_).c_str());
    (void)ignored;
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace holdfast::node
