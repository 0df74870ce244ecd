// What the commands on fields' expiries have in common: their clause FIELDS, their times, and how they are told.
// A reader returns nothing after it has replied.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "node/commands/arguments.h"
#include "node/commands/hash_edit.h"

namespace holdfast::node {

// A time for fields as unix milliseconds: never negative and below 2^46.
std::optional<int64_t> read_field_expiry(Call& call, std::string_view text, ExpiryUnit unit);

// The clause "FIELDS numfields field ..." whose word is args[at] and which ends the command, `step` words for each.
struct FieldsClause {
  std::string_view bad_count = "ERR Number of fields must be a positive integer";
  std::string_view misfit = "ERR The `numfields` parameter must match the number of arguments";
};
std::optional<FieldWords> read_fields(Call& call, size_t at, size_t step, const FieldsClause& errors = {});

// What a command did to fields, gathered to be told at its end: in place of the command, each kind as one that names
// the fields, and as one event.
struct FieldChanges {
  std::vector<std::string_view> expiring, persisted, deleted;
  int64_t expires_ms = 0;  // of `expiring`
  size_t count() const { return expiring.size() + persisted.size() + deleted.size(); }
};
void tell(Call& call, std::string_view key, const FieldChanges& changes, const Edited& edited);

}  // namespace holdfast::node
