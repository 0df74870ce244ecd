// The records of the votes journal, `<sentinel.conf>.journal`: epochs, votes and promotions that the configuration file
// does not hold yet. Pure: texts and values.
//
// A record is one line, "<CRC-32 of the rest, 8 hex digits> <run id> <current epoch>" and for each primary that it
// changes
// "<name> <host> <port> <config epoch>, as the configuration file has them, then <host> <port> <config epoch> <leader
// epoch> as they are now". All of it is newer than the file or void, so reading a record twice, or one that a rewritten
// file has overtaken, changes nothing:
//   - epochs and votes only grow: the higher one holds;
//   - a configuration (address and config epoch) holds only in place of the one that it names, so a file in which the
//     primary was set up anew, or edited by hand, keeps its own.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sentinel/core/types.h"

namespace holdfast::sentinel {

struct JournalEntry {
  struct Configuration {
    Endpoint address;
    Epoch epoch;
    bool operator==(const Configuration&) const = default;
  };
  std::string name;
  Configuration in_file;
  Configuration now;
  Epoch leader_epoch;
  bool operator==(const JournalEntry&) const = default;
};

struct JournalRecord {
  RunId run_id;
  Epoch current_epoch;
  std::vector<JournalEntry> entries;
  bool operator==(const JournalRecord&) const = default;
};

// Sorts what has no order: two normal states are equal if they mean the same.
void normalize(PersistentState& state);

// What leads from `last` to `state` over a file that holds `file` (all normal). Nothing where a record cannot say it:
// settings, and instances that were found or forgotten, are the configuration file's.
std::optional<JournalRecord> record_between(const PersistentState& file, const PersistentState& last,
                                            const PersistentState& state);

std::string text_of_record(const JournalRecord& record);

// The records up to the first line that is torn or damaged: what follows it was never answered for.
std::vector<JournalRecord> read_journal(std::string_view text);

// `state` (normal) with what the records add to it, those of another run id left out.
PersistentState with_records(const PersistentState& state, const std::vector<JournalRecord>& records);

}  // namespace holdfast::sentinel
