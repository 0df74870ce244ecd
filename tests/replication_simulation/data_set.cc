#include "tests/replication_simulation/data_set.h"

#include <fmt/format.h>

#include "common/base/text.h"

namespace holdfast::replication_simulation {

namespace {

uint64_t scramble(uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

uint64_t share(size_t db, size_t key, uint64_t value) {
  return value == 0 ? 0 : scramble(value ^ scramble(db * kKeys + key + 1));
}

}  // namespace

void DataSet::store(size_t db, size_t key, uint64_t value) {
  uint64_t& place = values_[db][key];
  digest_ ^= share(db, key, place) ^ share(db, key, value);
  place = value;
}

void DataSet::apply(int db, std::span<const std::string_view> argv) {
  if (argv[0] == "FLUSHALL") {
    *this = {};
    return;
  }
  if (argv.size() < 3) return;
  const size_t key = parse_uint64(argv[1]).value_or(0) % kKeys;
  const uint64_t number = parse_uint64(argv[2]).value_or(0);
  const size_t index = static_cast<size_t>(db) % kDatabases;
  if (argv[0] == "SET") store(index, key, number);
  if (argv[0] == "MIX") store(index, key, scramble(values_[index][key] ^ scramble(number)) | 1);
}

std::string DataSet::serialize() const {
  std::string text;
  for (size_t db = 0; db < kDatabases; ++db) {
    for (size_t key = 0; key < kKeys; ++key) {
      if (values_[db][key] != 0) text += fmt::format("{} {} {}\n", db, key, values_[db][key]);
    }
  }
  return text;
}

DataSet DataSet::parse(std::string_view text) {
  DataSet data;
  for (const auto line : split(text, '\n')) {
    const auto words = split(line, ' ');
    if (words.size() != 3) continue;
    data.store(parse_uint64(words[0]).value_or(0) % kDatabases, parse_uint64(words[1]).value_or(0) % kKeys,
               parse_uint64(words[2]).value_or(0));
  }
  return data;
}

void StreamSession::execute_now(DataSet& data, std::span<const std::string_view> argv) {
  if (argv[0] == "SELECT") {
    db_ = static_cast<int>(parse_int64(argv[1]).value_or(0));
  } else {
    data.apply(db_, argv);
  }
}

void StreamSession::execute(DataSet& data, std::span<const std::string_view> argv) {
  if (argv[0] == "MULTI") {
    queueing_ = true;
    queued_.clear();
  } else if (argv[0] == "EXEC") {
    // Without MULTI it is an error, and does nothing.
    for (const auto& command : queued_) {
      const std::vector<std::string_view> views(command.begin(), command.end());
      execute_now(data, views);
    }
    queued_.clear();
    queueing_ = false;
  } else if (queueing_) {
    queued_.emplace_back(argv.begin(), argv.end());
  } else {
    execute_now(data, argv);
  }
}

}  // namespace holdfast::replication_simulation
