#include "node/collections/hash_object.h"

#include <unordered_set>

#include "common/base/assert.h"
#include "node/collections/distinct_texts.h"
#include "node/keyspace/seeded_hash.h"
#include "node/types/allocation.h"

namespace holdfast::node {

namespace {

// A node of the index: three links and a colour, then expiry and pointer.
constexpr size_t kIndexNodeBytes = 48;
// What a listpack adds to an element's text at most.
constexpr size_t kMostOverhead = 10;

}  // namespace

HashObject::Table::Table() : dict(collection_seed(), Dict::Scale::collection) {}

HashObject::HashObject(const HashObject& other) : Object(other) {
  if (!other.table_) {
    pack_ = other.pack_.clone();
    return;
  }
  convert();
  Dict& dict = table_->dict;
  other.table_->dict.for_each([&](const Entry& entry) {
    const std::string_view field = entry.key();
    index(dict.insert(dict.hash(field), field, Value::borrowed_bytes(value_of(entry), false), expiry_of(entry)));
  });
}

size_t HashObject::large_bytes() const {
  return allocation_size(sizeof(Table)) + table_->dict.memory_bytes() + table_->expiring.size() * kIndexNodeBytes;
}

std::vector<std::string> HashObject::remove_expired_elements(int64_t before_ms, size_t most) {
  std::vector<std::string> gone;
  while (table_ && gone.size() < most && !table_->expiring.empty() && table_->expiring.begin()->first < before_ms) {
    gone.emplace_back(table_->expiring.begin()->second->key());
    erase(gone.back());
  }
  return gone;
}

// --- Reading ---

std::optional<HashObject::Field> HashObject::find(std::string_view field, Scratch& scratch, int64_t hidden_before) const {
  if (table_) {
    const Entry* entry = table_->dict.find(field);
    if (entry == nullptr) return std::nullopt;
    const int64_t expires_ms = expiry_of(*entry);
    if (hidden(expires_ms, hidden_before)) return std::nullopt;
    return Field{value_of(*entry), expires_ms};
  }
  const auto at = find_packed(field);
  if (at == Listpack::kEnd) return std::nullopt;
  return Field{pack_.get(pack_.next(at)).view(scratch), kNoExpiry};
}

std::optional<std::string_view> HashObject::get(std::string_view field, Scratch& scratch, int64_t hidden_before) const {
  const auto found = find(field, scratch, hidden_before);
  if (!found) return std::nullopt;
  return found->value;
}

bool HashObject::contains(std::string_view field, int64_t hidden_before) const {
  if (!table_) return find_packed(field) != Listpack::kEnd;
  const Entry* entry = table_->dict.find(field);
  return entry != nullptr && !hidden(expiry_of(*entry), hidden_before);
}

size_t HashObject::visible(int64_t hidden_before) const {
  size_t count = size();
  if (!table_) return count;
  for (const auto& [expires_ms, entry] : table_->expiring) {
    if (!hidden(expires_ms, hidden_before)) break;
    --count;
  }
  return count;
}

std::pair<std::string_view, std::string_view> HashObject::random(RandomSource& random, Scratch& field, Scratch& value,
                                                                 int64_t hidden_before) const {
  if (!table_) {
    const auto at = pack_.at(static_cast<int64_t>(random.below(size()) * 2));
    return {pack_.get(at).view(field), pack_.get(pack_.next(at)).view(value)};
  }
  // Where nearly all are hidden, chance would take long.
  for (int tries = 0; tries < 100; ++tries) {
    const Entry* entry = table_->dict.random(random);
    HOLDFAST_ASSERT(entry != nullptr);
    if (!hidden(expiry_of(*entry), hidden_before)) return {entry->key(), value_of(*entry)};
  }
  std::pair<std::string_view, std::string_view> chosen;
  uint64_t seen = 0;
  for_each(
      [&](std::string_view name, std::string_view text, int64_t) {
        if (random.below(++seen) == 0) chosen = {name, text};
      },
      hidden_before);
  HOLDFAST_ASSERT(seen > 0);
  return chosen;
}

uint64_t HashObject::scan(uint64_t cursor, const VisitPair& visit, int64_t hidden_before) const {
  if (!table_) {
    for_each([&](std::string_view field, std::string_view value, int64_t) { visit(field, value); });
    return 0;
  }
  return table_->dict.scan(cursor, [&](Entry& entry) {
    if (!hidden(expiry_of(entry), hidden_before)) visit(entry.key(), value_of(entry));
  });
}

// --- Changing ---

void HashObject::convert() {
  auto table = std::make_unique<Table>();
  for_each([&](std::string_view field, std::string_view value, int64_t) {
    const Dict::Place place = table->dict.locate(field);
    if (place.entry == nullptr) {
      table->dict.insert(place.hash, field, Value::borrowed_bytes(value, false), kNoExpiry);
    }
  });
  table_ = std::move(table);
  [[maybe_unused]] const Listpack unused = std::move(pack_);
}

void HashObject::convert_for(std::string_view text, const EncodingLimits& limits) {
  if (!table_ && text.size() > limits.hash_value_bytes) convert();
}

bool HashObject::set(std::string_view field, std::string_view value, const EncodingLimits& limits, int64_t expires_ms) {
  if (!table_) {
    if (expires_ms != kNoExpiry || field.size() > limits.hash_value_bytes || value.size() > limits.hash_value_bytes ||
        !pack_.has_room_for(field.size() + value.size() + 2 * kMostOverhead)) {
      convert();
    } else {
      if (const auto at = find_packed(field); at != Listpack::kEnd) {
        pack_.replace(pack_.next(at), value);
        return false;
      }
      pack_.append_pair(field, value);
      if (size() > limits.hash_entries) convert();
      return true;
    }
  }
  Dict& dict = table_->dict;
  const Dict::Place place = dict.locate(field);
  if (place.entry == nullptr) {
    index(dict.insert(place.hash, field, Value::borrowed_bytes(value, false), expires_ms));
    return true;
  }
  unindex(*place.entry);
  index(dict.assign(place, Value::borrowed_bytes(value, false), expires_ms));
  return false;
}

bool HashObject::erase(std::string_view field) {
  if (!table_) {
    const auto at = find_packed(field);
    if (at == Listpack::kEnd) return false;
    pack_.erase(at, 2);
    return true;
  }
  const Dict::Place place = table_->dict.locate(field);
  if (place.entry == nullptr) return false;
  unindex(*place.entry);
  table_->dict.release(place);
  return true;
}

void HashObject::set_expiry(std::string_view field, int64_t expires_ms) {
  if (!table_) {
    if (expires_ms == kNoExpiry) return;
    convert();
  }
  const Dict::Place place = table_->dict.locate(field);
  HOLDFAST_ASSERT(place.entry != nullptr);
  unindex(*place.entry);
  index(table_->dict.set_expiry(place, expires_ms));
}

bool HashObject::load_packed(Listpack pack, const EncodingLimits& limits) {
  HOLDFAST_ASSERT(!table_ && pack_.empty());
  const size_t elements = pack.count();
  if (elements == 0 || elements % 2 != 0) return false;
  const auto each_field = [&pack](auto&& visit) {
    Scratch scratch;
    for (auto at = pack.first(); at != Listpack::kEnd; at = pack.next(pack.next(at))) visit(pack.get(at).view(scratch), at);
  };
  static thread_local DistinctTexts fields;
  fields.clear();
  bool large = elements / 2 > limits.hash_entries;
  const auto length = [](const Listpack::Element& element) {
    Scratch scratch;
    return element.integer ? element.view(scratch).size() : element.text.size();
  };
  each_field([&](std::string_view field, Listpack::Position at) {
    large = large || field.size() > limits.hash_value_bytes || length(pack.get(pack.next(at))) > limits.hash_value_bytes;
    fields.add(field);
  });
  if (fields.maybe_twice()) {
    std::unordered_set<std::string> exactly;
    bool twice = false;
    each_field([&](std::string_view field, Listpack::Position) { twice = !exactly.emplace(field).second || twice; });
    if (twice) return false;
  }
  pack_ = std::move(pack);
  if (large) convert();
  return true;
}

}  // namespace holdfast::node
