#include "node/keyspace/dict.h"

#include <bit>
#include <cstring>
#include <utility>

#include "common/base/assert.h"

namespace holdfast::node {
namespace {

constexpr size_t kFewestBuckets = 16;

uint64_t reversed_bits(uint64_t v) {
  v = ((v >> 1) & 0x5555555555555555ULL) | ((v & 0x5555555555555555ULL) << 1);
  v = ((v >> 2) & 0x3333333333333333ULL) | ((v & 0x3333333333333333ULL) << 2);
  v = ((v >> 4) & 0x0f0f0f0f0f0f0f0fULL) | ((v & 0x0f0f0f0f0f0f0f0fULL) << 4);
  return __builtin_bswap64(v);
}

struct Sip {
  uint64_t v0, v1, v2, v3;
  void round() {
    v0 += v1;
    v1 = std::rotl(v1, 13) ^ v0;
    v0 = std::rotl(v0, 32);
    v2 += v3;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 += v3;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 += v1;
    v1 = std::rotl(v1, 17) ^ v2;
    v2 = std::rotl(v2, 32);
  }
};

}  // namespace

uint64_t seeded_hash(std::string_view bytes, HashSeed seed) {
  Sip sip{seed.k0 ^ 0x736f6d6570736575ULL, seed.k1 ^ 0x646f72616e646f6dULL, seed.k0 ^ 0x6c7967656e657261ULL,
          seed.k1 ^ 0x7465646279746573ULL};
  const char* p = bytes.data();
  size_t left = bytes.size();
  for (; left >= 8; p += 8, left -= 8) {
    uint64_t word;
    std::memcpy(&word, p, 8);
    sip.v3 ^= word;
    sip.round();
    sip.v0 ^= word;
  }
  uint64_t last = 0;
  if (left > 0) std::memcpy(&last, p, left);
  last |= static_cast<uint64_t>(bytes.size()) << 56;
  sip.v3 ^= last;
  sip.round();
  sip.v0 ^= last;
  sip.v2 ^= 0xff;
  sip.round();
  sip.round();
  sip.round();
  return sip.v0 ^ sip.v1 ^ sip.v2 ^ sip.v3;
}

Dict::Dict(Dict&& other) noexcept : seed_(other.seed_) { *this = std::move(other); }

Dict& Dict::operator=(Dict&& other) noexcept {
  if (this == &other) return *this;
  clear();
  seed_ = other.seed_;
  size_ = std::exchange(other.size_, 0);
  buckets_ = std::move(other.buckets_);
  other.buckets_.clear();
  return *this;
}

Entry* Dict::find(std::string_view key) const {
  if (size_ == 0) return nullptr;
  const uint64_t hash = seeded_hash(key, seed_);
  for (Entry* entry = buckets_[bucket_of(hash)].get(); entry != nullptr; entry = entry->next_.get()) {
    if (entry->hash_ == hash && entry->key_ == key) return entry;
  }
  return nullptr;
}

Entry& Dict::insert(std::string_view key, Value value) {
  if (size_ >= buckets_.size()) resize(buckets_.empty() ? kFewestBuckets : buckets_.size() * 2);
  const uint64_t hash = seeded_hash(key, seed_);
  auto entry = std::unique_ptr<Entry>(new Entry(key, std::move(value), hash));
  auto& head = buckets_[bucket_of(hash)];
  entry->next_ = std::move(head);
  head = std::move(entry);
  ++size_;
  return *head;
}

std::unique_ptr<Entry> Dict::release(std::string_view key) {
  if (size_ == 0) return nullptr;
  const uint64_t hash = seeded_hash(key, seed_);
  for (auto* link = &buckets_[bucket_of(hash)]; *link != nullptr; link = &(*link)->next_) {
    if ((*link)->hash_ != hash || (*link)->key_ != key) continue;
    std::unique_ptr<Entry> found = std::move(*link);
    *link = std::move(found->next_);
    --size_;
    if (buckets_.size() > kFewestBuckets && size_ < buckets_.size() / 10) resize(std::bit_ceil(size_ + 1));
    return found;
  }
  return nullptr;
}

void Dict::clear() {
  // Chains are taken apart link by link: a recursive destructor could run deep.
  for (auto& head : buckets_) {
    while (head != nullptr) {
      std::unique_ptr<Entry> next = std::move(head->next_);
      head = std::move(next);
    }
  }
  buckets_.clear();
  buckets_.shrink_to_fit();
  size_ = 0;
}

void Dict::reserve(size_t keys) {
  if (keys > buckets_.size()) resize(std::bit_ceil(keys));
}

void Dict::resize(size_t buckets) {
  if (buckets < kFewestBuckets) buckets = kFewestBuckets;
  std::vector<std::unique_ptr<Entry>> old = std::move(buckets_);
  buckets_ = std::vector<std::unique_ptr<Entry>>(buckets);
  for (auto& head : old) {
    while (head != nullptr) {
      std::unique_ptr<Entry> next = std::move(head->next_);
      auto& target = buckets_[bucket_of(head->hash_)];
      head->next_ = std::move(target);
      target = std::move(head);
      head = std::move(next);
    }
  }
}

Entry* Dict::random(RandomSource& source) const {
  if (size_ == 0) return nullptr;
  for (;;) {
    // The load stays above a tenth, so this ends after few tries.
    Entry* const head = buckets_[source.below(buckets_.size())].get();
    size_t length = 0;
    for (Entry* entry = head; entry != nullptr; entry = entry->next_.get()) ++length;
    if (length == 0) continue;
    Entry* entry = head;
    for (size_t skip = source.below(length); skip > 0; --skip) entry = entry->next_.get();
    return entry;
  }
}

uint64_t Dict::scan(uint64_t cursor, const std::function<void(Entry&)>& visit) const {
  if (size_ == 0) return 0;
  const uint64_t mask = buckets_.size() - 1;
  for (Entry* entry = buckets_[cursor & mask].get(); entry != nullptr; entry = entry->next_.get()) visit(*entry);
  // Add one to the bits under the mask, counted from the top.
  cursor |= ~mask;
  return reversed_bits(reversed_bits(cursor) + 1);
}

}  // namespace holdfast::node
