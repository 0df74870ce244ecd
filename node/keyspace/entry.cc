#include "node/keyspace/entry.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <new>

#include "common/base/assert.h"

namespace holdfast::node {

void EntryDeleter::operator()(Entry* entry) const {
  entry->drop_payload();
  std::free(entry);
}

void Entry::drop_payload() {
  if (payload() == Payload::external) delete &external();
  if (payload() == Payload::object) delete object();
}

Entry::Payload Entry::payload_for(const Value& value) {
  if (value.is_object()) return Payload::object;
  if (value.is_integer()) return Payload::integer;
  if (value.text().size() > kMaxEmbedded) return Payload::external;
  return value.changed_in_place() ? Payload::embedded_raw : Payload::embedded;
}

// Expects key and flags in place, and the old payload gone.
void Entry::write_payload(Value& value, Payload kind) {
  value_length_ = 0;
  switch (kind) {
    case Payload::integer:
      store(word_offset(), value.integer_value());
      break;
    case Payload::external:
      store(word_offset(), std::bit_cast<int64_t>(new std::string(std::move(value).take_text())));
      break;
    case Payload::object:
      store(word_offset(), std::bit_cast<int64_t>(std::move(value).take_object().release()));
      value_length_ = kObjectMark;
      break;
    case Payload::embedded:
    case Payload::embedded_raw: {
      const std::string_view text = value.text();
      value_length_ = static_cast<uint16_t>(text.size());
      if (!text.empty()) std::memmove(body() + key_offset() + key_length(), text.data(), text.size());
      break;
    }
  }
}

EntryPtr Entry::create(std::string_view key, Value&& value, int64_t expires_ms) {
  return create(key, value, payload_for(value), expires_ms);
}

EntryPtr Entry::create_external(std::string_view key, std::string text, int64_t expires_ms) {
  Value value = Value::raw_string(std::move(text));
  return create(key, value, Payload::external, expires_ms);
}

EntryPtr Entry::create(std::string_view key, Value& value, Payload kind, int64_t expires_ms) {
  const bool word = is_word(kind);
  const bool long_key = key.size() >= kLongKey;
  const size_t words = static_cast<size_t>(expires_ms != kNoExpiry) + word + long_key;
  const size_t bytes = sizeof(Entry) + words * 8 + key.size() + (word ? 0 : value.text().size());
  void* block = std::malloc(allocation_size(bytes));
  if (block == nullptr) throw std::bad_alloc();
  auto* entry = new (block) Entry();
  entry->set_payload_bits(kind);
  entry->has_expiry_ = expires_ms != kNoExpiry ? 1 : 0;
  entry->key_length_ = static_cast<uint16_t>(long_key ? kLongKey : key.size());
  if (expires_ms != kNoExpiry) entry->store(0, expires_ms);
  if (long_key) entry->store(entry->key_offset() - 8, static_cast<int64_t>(key.size()));
  if (!key.empty()) std::memcpy(entry->body() + entry->key_offset(), key.data(), key.size());
  entry->write_payload(value, kind);
  return EntryPtr(entry);
}

bool Entry::assign_in_place(Value& value, int64_t expires_ms) {
  const Payload kind = payload_for(value);
  const bool word = is_word(kind);
  const bool expiry = expires_ms != kNoExpiry;
  const bool long_key = key_length_ == kLongKey;
  const size_t length = key_length();
  const size_t words = static_cast<size_t>(expiry) + word + long_key;
  const size_t bytes = sizeof(Entry) + words * 8 + length + (word ? 0 : value.text().size());
  if (allocation_size(bytes) != block_bytes()) return false;
  drop_payload();
  std::memmove(body() + words * 8, body() + key_offset(), length);
  set_payload_bits(kind);
  has_expiry_ = expiry ? 1 : 0;
  if (expiry) store(0, expires_ms);
  if (long_key) store(key_offset() - 8, static_cast<int64_t>(length));
  write_payload(value, kind);
  return true;
}

bool Entry::set_expiry_in_place(int64_t expires_ms) {
  const bool expiry = expires_ms != kNoExpiry;
  if (expiry && has_expiry()) {
    store(0, expires_ms);
    return true;
  }
  if (expiry == has_expiry()) return true;
  const size_t used = used_bytes();
  if (allocation_size(expiry ? used + 8 : used - 8) != allocation_size(used)) return false;
  const size_t rest = used - sizeof(Entry) - (expiry ? 0 : 8);
  std::memmove(body() + (expiry ? 8 : 0), body() + (expiry ? 0 : 8), rest);
  has_expiry_ = expiry ? 1 : 0;
  if (expiry) store(0, expires_ms);
  return true;
}

Value Entry::value() const {
  switch (payload()) {
    case Payload::integer:
      return Value::integer(load(word_offset()));
    case Payload::external:
      return Value::borrowed_bytes(external(), true);
    case Payload::object:
      return Value::borrowed_object(*object());
    default:
      return Value::borrowed_bytes({body() + key_offset() + key_length(), value_length_},
                                   payload() == Payload::embedded_raw);
  }
}

Value Entry::take_value() {
  if (payload() == Payload::object) {
    std::unique_ptr<Object> taken(&mutable_object());
    store(word_offset(), 0);
    return Value::object(std::move(taken));
  }
  if (payload() != Payload::external) return value().clone();
  Value taken = Value::raw_string(std::move(external()));
  taken.mutable_bytes();
  return taken;
}

std::string& Entry::external() const {
  HOLDFAST_ASSERT(payload() == Payload::external);
  return *std::bit_cast<std::string*>(load(word_offset()));
}

size_t Entry::external_bytes() const {
  if (payload() == Payload::object) return object() == nullptr ? 0 : object()->memory_bytes();
  if (payload() != Payload::external) return 0;
  const size_t capacity = external().capacity();
  return sizeof(std::string) + (capacity < sizeof(std::string) / 2 ? 0 : allocation_size(capacity + 1));
}

}  // namespace holdfast::node
