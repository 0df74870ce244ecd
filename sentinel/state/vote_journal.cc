#include "sentinel/state/vote_journal.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/crc.hpp>

#include "common/base/text.h"
#include "common/config/tokenizer.h"

namespace holdfast::sentinel {

namespace {

constexpr size_t kHeadWords = 2;  // run id, current epoch
constexpr size_t kEntryWords = 8;
constexpr size_t kSumDigits = 8;

std::string sum_of(std::string_view bytes) {
  boost::crc_32_type sum;
  sum.process_bytes(bytes.data(), bytes.size());
  return fmt::format("{:08x}", sum.checksum());
}

std::string number(uint64_t value) { return fmt::format("{}", value); }

bool read_epoch(const std::string& word, Epoch& epoch) {
  const auto value = parse_uint64(word);
  if (value) epoch.value = *value;
  return value.has_value();
}

bool read_configuration(const std::string* words, JournalEntry::Configuration& configuration) {
  const auto port = parse_uint64(words[1]);
  if (words[0].empty() || !port || *port == 0 || *port > 65535) return false;
  configuration.address = {words[0], static_cast<uint16_t>(*port)};
  return read_epoch(words[2], configuration.epoch);
}

std::optional<JournalRecord> read_record(std::string_view line) {
  if (line.size() <= kSumDigits || line[kSumDigits] != ' ') return std::nullopt;
  const std::string_view rest = line.substr(kSumDigits + 1);
  if (line.substr(0, kSumDigits) != sum_of(rest)) return std::nullopt;
  const auto words = config::split_words(rest);
  if (!words || words->size() < kHeadWords || (words->size() - kHeadWords) % kEntryWords != 0) return std::nullopt;
  JournalRecord record;
  const auto run_id = RunId::parse((*words)[0]);
  if (!run_id || !read_epoch((*words)[1], record.current_epoch)) return std::nullopt;
  record.run_id = *run_id;
  for (size_t i = kHeadWords; i < words->size(); i += kEntryWords) {
    const std::string* at = words->data() + i;
    JournalEntry& entry = record.entries.emplace_back();
    entry.name = at[0];
    if (!read_configuration(at + 1, entry.in_file) || !read_configuration(at + 4, entry.now) ||
        !read_epoch(at[7], entry.leader_epoch)) {
      return std::nullopt;
    }
  }
  return record;
}

template <class State>
auto* find_primary(State& state, std::string_view name) {
  const auto found =
      std::lower_bound(state.primaries.begin(), state.primaries.end(), name,
                       [](const PersistentPrimary& p, std::string_view wanted) { return p.name < wanted; });
  return found != state.primaries.end() && found->name == name ? &*found : nullptr;
}

JournalEntry::Configuration configuration_of(const PersistentPrimary& primary) {
  return {primary.address, primary.config_epoch};
}

// The primary's place changes hands, as Sentinel's switch does it: the old one becomes a replica.
void apply(PersistentPrimary& primary, const JournalEntry::Configuration& now) {
  primary.config_epoch = now.epoch;
  if (primary.address == now.address) return;
  std::erase(primary.replicas, now.address);
  primary.replicas.insert(std::lower_bound(primary.replicas.begin(), primary.replicas.end(), primary.address),
                          primary.address);
  primary.address = now.address;
}

}  // namespace

void normalize(PersistentState& state) {
  std::sort(state.primaries.begin(), state.primaries.end(),
            [](const PersistentPrimary& a, const PersistentPrimary& b) { return a.name < b.name; });
  for (PersistentPrimary& primary : state.primaries) {
    std::sort(primary.replicas.begin(), primary.replicas.end());
    std::sort(primary.sentinels.begin(), primary.sentinels.end());
  }
}

std::optional<JournalRecord> record_between(const PersistentState& file, const PersistentState& last,
                                            const PersistentState& state) {
  JournalRecord record{.run_id = state.run_id, .current_epoch = state.current_epoch, .entries = {}};
  for (const PersistentPrimary& primary : state.primaries) {
    const PersistentPrimary* before = find_primary(last, primary.name);
    const PersistentPrimary* in_file = find_primary(file, primary.name);
    if (before == nullptr || in_file == nullptr) return std::nullopt;
    if (configuration_of(*before) == configuration_of(primary) && before->leader_epoch == primary.leader_epoch)
      continue;
    record.entries.push_back(
        {primary.name, configuration_of(*in_file), configuration_of(primary), primary.leader_epoch});
  }
  // Whatever else has changed shows here, also what this function has never heard of.
  PersistentState reached = last;
  reached.current_epoch = std::max(reached.current_epoch, record.current_epoch);
  for (const JournalEntry& entry : record.entries) {
    PersistentPrimary& primary = *find_primary(reached, entry.name);
    if (entry.now.epoch > primary.config_epoch) apply(primary, entry.now);
    primary.leader_epoch = std::max(primary.leader_epoch, entry.leader_epoch);
  }
  if (reached != state) return std::nullopt;
  return record;
}

std::string text_of_record(const JournalRecord& record) {
  std::vector<std::string> words{record.run_id.str(), number(record.current_epoch.value)};
  const auto add = [&](const JournalEntry::Configuration& configuration) {
    words.push_back(configuration.address.host);
    words.push_back(number(configuration.address.port));
    words.push_back(number(configuration.epoch.value));
  };
  for (const JournalEntry& entry : record.entries) {
    words.push_back(entry.name);
    add(entry.in_file);
    add(entry.now);
    words.push_back(number(entry.leader_epoch.value));
  }
  const std::string text = config::write_line(words);
  return sum_of(text) + ' ' + text + '\n';
}

std::vector<JournalRecord> read_journal(std::string_view text) {
  std::vector<JournalRecord> records;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    if (end == std::string_view::npos) break;
    auto record = read_record(text.substr(0, end));
    if (!record) break;
    records.push_back(std::move(*record));
    text.remove_prefix(end + 1);
  }
  return records;
}

PersistentState with_records(const PersistentState& state, const std::vector<JournalRecord>& records) {
  PersistentState result = state;
  for (const JournalRecord& record : records) {
    if (record.run_id != state.run_id) continue;
    result.current_epoch = std::max(result.current_epoch, record.current_epoch);
    for (const JournalEntry& entry : record.entries) {
      PersistentPrimary* primary = find_primary(result, entry.name);
      if (primary == nullptr) continue;
      const bool of_this_file = entry.in_file == configuration_of(*find_primary(state, entry.name));
      if (of_this_file && entry.now.epoch > primary->config_epoch) apply(*primary, entry.now);
      primary->leader_epoch = std::max(primary->leader_epoch, entry.leader_epoch);
    }
  }
  return result;
}

}  // namespace holdfast::sentinel
