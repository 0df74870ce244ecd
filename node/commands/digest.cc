#include "node/commands/digest.h"

#include <boost/uuid/detail/sha1.hpp>

#include "common/base/text.h"
#include "node/collections/hash_object.h"
#include "node/collections/list_object.h"
#include "node/collections/set_object.h"
#include "node/collections/stream_object.h"
#include "node/collections/zset_object.h"

namespace holdfast::node {
namespace {

Digest sha1(std::string_view bytes) {
  boost::uuids::detail::sha1 hash;
  hash.process_bytes(bytes.data(), bytes.size());
  unsigned int words[5];
  hash.get_digest(words);
  Digest digest;
  for (size_t i = 0; i < digest.size(); ++i) digest[i] = static_cast<uint8_t>(words[i / 4] >> (24 - 8 * (i % 4)));
  return digest;
}

void exclusive_or(Digest& into, const Digest& other) {
  for (size_t i = 0; i < into.size(); ++i) into[i] ^= other[i];
}

std::string_view as_text(const Digest& digest) { return {reinterpret_cast<const char*>(digest.data()), digest.size()}; }

// Order-independent: the sum of what was mixed in.
void add(Digest& digest, std::string_view bytes) { exclusive_or(digest, sha1(bytes)); }

// Order-dependent: the sum is hashed again.
void mix(Digest& digest, std::string_view bytes) {
  add(digest, bytes);
  digest = sha1(as_text(digest));
}

void mix_number(Digest& digest, uint32_t number) {
  const char big_endian[4] = {static_cast<char>(number >> 24), static_cast<char>(number >> 16),
                              static_cast<char>(number >> 8), static_cast<char>(number)};
  mix(digest, {big_endian, 4});
}

// Redis's numbers of the types; 5 is a module's.
uint32_t type_number(ValueType type) { return type == ValueType::stream ? 6 : static_cast<uint32_t>(type); }

void mix_list(Digest& digest, const ListObject& list) {
  Listpack::Scratch scratch;
  for (auto at = list.at(0); at; at.next()) mix(digest, (*at).view(scratch));
}

void mix_set(Digest& digest, const SetObject& set) {
  set.for_each([&](std::string_view member) { add(digest, member); });
}

void mix_zset(Digest& digest, const ZsetObject& zset) {
  zset.for_each([&](std::string_view member, double score) {
    Digest element{};
    mix(element, member);
    char text[kDoubleChars];
    mix(element, {text, static_cast<size_t>(write_double(text, score) - text)});
    add(digest, as_text(element));
  });
}

void mix_hash(Digest& digest, const HashObject& hash) {
  hash.for_each([&](std::string_view field, std::string_view value, int64_t expires_ms) {
    Digest element{};
    mix(element, field);
    mix(element, value);
    if (expires_ms != HashObject::kNoExpiry) add(element, "!!hexpire!!");
    add(digest, as_text(element));
  });
}

void mix_stream(Digest& digest, const StreamObject& stream) {
  for (StreamRange range(stream, kFirstStreamId, kLastStreamId); range.next();) {
    mix(digest, fmt::format("{}.{}", range.id().ms, range.id().seq));
    range.for_each_field([&](const Listpack::Element& field, const Listpack::Element& value) {
      Listpack::Scratch scratch;
      mix(digest, field.view(scratch));
      mix(digest, value.view(scratch));
    });
  }
}

void mix_value(Digest& digest, const Entry& entry) {
  mix_number(digest, type_number(entry.type()));
  switch (entry.type()) {
    case ValueType::string: {
      Value::Scratch scratch;
      mix(digest, entry.bytes(scratch));
      break;
    }
    case ValueType::list:
      mix_list(digest, static_cast<const ListObject&>(*entry.object()));
      break;
    case ValueType::set:
      mix_set(digest, static_cast<const SetObject&>(*entry.object()));
      break;
    case ValueType::zset:
      mix_zset(digest, static_cast<const ZsetObject&>(*entry.object()));
      break;
    case ValueType::hash:
      mix_hash(digest, static_cast<const HashObject&>(*entry.object()));
      break;
    case ValueType::stream:
      mix_stream(digest, static_cast<const StreamObject&>(*entry.object()));
      break;
  }
  if (entry.has_expiry()) add(digest, "!!expire!!");
}

}  // namespace

Digest data_set_digest(const Keyspace& keys) {
  Digest whole{};
  for (int db = 0; db < keys.database_count(); ++db) {
    if (keys.key_count(db) == 0) continue;
    mix_number(whole, static_cast<uint32_t>(db));
    keys.for_each_key(db, [&](const Entry& entry) {
      Digest one{};
      mix(one, entry.key());
      mix_value(one, entry);
      add(whole, as_text(one));
    });
  }
  return whole;
}

Digest value_digest(const Entry* entry) {
  Digest digest{};
  if (entry != nullptr) mix_value(digest, *entry);
  return digest;
}

std::string to_hex(const Digest& digest) {
  std::string text;
  for (const uint8_t byte : digest) fmt::format_to(std::back_inserter(text), "{:02x}", byte);
  return text;
}

}  // namespace holdfast::node
