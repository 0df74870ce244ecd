#include "node/commands/digest.h"

#include <boost/uuid/detail/sha1.hpp>

#include "node/collections/list_object.h"

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
    default:
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
