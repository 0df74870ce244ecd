// Random commands against a map, with expiry, active expiry, splits, merges, moves of memory and a SCAN under way.
//
// HOLDFAST_MODEL_SECONDS makes it run that long over ever new seeds (default: a few fixed seeds).
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "node/keyspace/keyspace.h"
#include "tests/unit/node/keyspace/test_movers.h"

namespace holdfast::node {
namespace {

class ModelRun {
 public:
  explicit ModelRun(uint64_t seed) : dice_(seed), keys_(2, dice_) { keys_.set_observer(&observer_); }

  void steps(int count) {
    // The number of keys swings between few and many, so that segments split and merge all the time.
    for (int step = 0; step < count && !::testing::Test::HasFatalFailure(); ++step) {
      if (step % 20000 == 0) grow_ = !grow_;
      keys_.begin(from_unix_ms(now_), ExpiryMode::remove);
      one();
      if (step % 5000 == 0) compare();
    }
    compare();
  }

 private:
  struct Expected {
    std::string text;
    std::optional<int64_t> expires_ms;
  };
  // Every change must be told before and after.
  struct Observer final : KeyspaceObserver {
    void before_change(int, std::string_view key, const Entry* before) override {
      if (before != nullptr) {
        ASSERT_EQ(before->key(), key);
      }
      ++told;
    }
    void touched(int, std::string_view) override { ++heard; }
    void expired(int, std::string_view) override {}
    void before_flush(int) override {}
    void before_swap(int, int) override {}
    int64_t told = 0;
    int64_t heard = 0;
  };

  std::string any_key() { return std::string(dice_.below(40) == 0 ? 70 : 3, 'k') + std::to_string(dice_.below(60000)); }
  std::string any_text() {
    switch (dice_.below(6)) {
      case 0:
        return std::to_string(dice_.below(1'000'000));
      case 1:
        return std::string(dice_.below(200), 'a');
      case 2:
        return dice_.below(50) == 0 ? std::string(dice_.below(6000), 'b') : "c";
      default:
        return std::string(dice_.below(30), 'd');
    }
  }
  Expected* model(const std::string& key) {
    const auto found = model_.find(key);
    if (found == model_.end()) return nullptr;
    if (found->second.expires_ms && now_ > *found->second.expires_ms) {
      forget(found);
      return nullptr;
    }
    return &found->second;
  }
  void forget(std::map<std::string, Expected>::iterator found) {
    stayed_.erase(found->first);
    model_.erase(found);
  }
  std::optional<std::string> actual(const Entry* entry) {
    if (entry == nullptr) return std::nullopt;
    Value::Scratch scratch;
    const Value value = entry->value();
    return std::string(value.bytes(scratch));
  }

  void one() {
    const std::string key = any_key();
    Expected* const expected = model(key);
    const uint64_t choice = dice_.below(100);
    if (choice < (grow_ ? 45u : 8u)) return set(key);
    if (choice < 55) return erase(key, expected);
    if (choice < 65) return expire(key, expected);
    if (choice < 70) return append(key, expected);
    if (choice < 74) return rename(key, expected);
    if (choice < 80) {
      now_ += static_cast<int64_t>(dice_.below(5));
    } else if (choice < 84) {
      keys_.expire_some(0, 1 + dice_.below(40), 1 + dice_.below(20));
    } else if (choice < 86) {
      compact();
    } else if (choice < 92) {
      scan();
    } else {
      const Entry* entry = keys_.read(0, key);
      ASSERT_EQ(actual(entry), expected == nullptr ? std::nullopt : std::optional(expected->text));
    }
  }
  void set(const std::string& key) {
    const std::string text = any_text();
    switch (dice_.below(3)) {
      case 0: {
        const int64_t when = now_ + static_cast<int64_t>(dice_.below(20000));
        keys_.set(0, key, Value::borrowed_string(text), from_unix_ms(when));
        model_[key] = {text, when};
        break;
      }
      case 1:
        keys_.set(0, key, Value::string(text), Keyspace::Expiry::keep);
        model_[key].text = text;
        break;
      default:
        keys_.set(0, key, Value::borrowed_string(text));
        model_[key] = {text, std::nullopt};
    }
  }
  void erase(const std::string& key, Expected* expected) {
    // A look-up first, as commands do: it is what finds a key expired.
    const bool gone = keys_.peek(0, key) != nullptr && keys_.erase(0, key);
    ASSERT_EQ(gone, expected != nullptr);
    if (expected != nullptr) forget(model_.find(key));
  }
  void expire(const std::string& key, Expected* expected) {
    if (keys_.peek(0, key) == nullptr) {
      ASSERT_EQ(expected, nullptr);
      return;
    }
    ASSERT_NE(expected, nullptr);
    if (dice_.chance(0.3)) {
      keys_.set_expiry(0, key, std::nullopt);
      expected->expires_ms.reset();
    } else {
      expected->expires_ms = now_ + static_cast<int64_t>(dice_.below(20000));
      keys_.set_expiry(0, key, from_unix_ms(*expected->expires_ms));
    }
  }
  void append(const std::string& key, Expected* expected) {
    const Entry* entry = keys_.find(0, key);
    ASSERT_EQ(entry != nullptr, expected != nullptr);
    if (entry == nullptr) return;
    if (dice_.chance(0.5)) {
      expected->text += "tail";
      ASSERT_EQ(keys_.change_bytes(0, *entry, [](std::string& bytes) { bytes += "tail"; }), expected->text.size());
    } else {
      expected->text = std::to_string(dice_.below(1000));
      keys_.replace(0, *entry, Value::string(expected->text));
    }
  }
  void rename(const std::string& key, Expected* expected) {
    const std::string to = any_key();
    if (keys_.peek(0, key) == nullptr || to == key) return;
    ASSERT_NE(expected, nullptr);
    keys_.rename(0, key, to);
    // The target's name did not stay through the call for a SCAN; the source's is gone.
    Expected moved = *expected;
    forget(model_.find(key));
    stayed_.erase(to);
    model_[to] = std::move(moved);
  }
  // Some steps of a walk that moves most blocks. Nobody hears of it, and nothing but addresses changes.
  void compact() {
    const int64_t told = observer_.told;
    const size_t bytes = keys_.memory_bytes(0);
    for (uint64_t steps = dice_.below(30); steps > 0; --steps) keys_.compact(mover_, moved_);
    ASSERT_EQ(observer_.told, told);
    ASSERT_EQ(keys_.memory_bytes(0), bytes);
  }
  // One step of a SCAN that goes on for ever; at its end every key that was there all the time must have been seen.
  void scan() {
    if (cursor_ == 0) {
      seen_.clear();
      stayed_.clear();
      for (const auto& [key, expected] : model_) stayed_.insert(key);
    }
    const int buckets = static_cast<int>(dice_.below(60)) + 1;
    for (int i = 0; i < buckets; ++i) {
      cursor_ = keys_.scan(0, cursor_, [&](const Entry& entry) {
        if (!keys_.is_expired(entry)) seen_.insert(std::string(entry.key()));
      });
      if (cursor_ != 0) continue;
      for (const auto& key : stayed_) {
        const auto found = model_.find(key);
        if (found == model_.end() || (found->second.expires_ms && now_ > *found->second.expires_ms)) continue;
        ASSERT_TRUE(seen_.contains(key)) << key;
      }
      ++scans_;
      return;
    }
  }
  void compare() {
    keys_.begin(from_unix_ms(now_), ExpiryMode::remove);
    for (auto next = model_.begin(); next != model_.end();) {
      const auto found = next++;
      if (found->second.expires_ms && now_ > *found->second.expires_ms) forget(found);
    }
    size_t present = 0;
    size_t expiring = 0;
    size_t bytes = 0;
    keys_.for_each_key(0, [&](const Entry& entry) {
      expiring += entry.has_expiry() ? 1 : 0;
      bytes += entry.memory_bytes();
      if (keys_.is_expired(entry)) return;
      ++present;
      const auto found = model_.find(std::string(entry.key()));
      ASSERT_NE(found, model_.end()) << entry.key();
      ASSERT_EQ(actual(&entry), found->second.text) << entry.key();
      ASSERT_EQ(entry.has_expiry() ? std::optional(to_unix_ms(*entry.expires_at())) : std::nullopt,
                found->second.expires_ms);
    });
    ASSERT_EQ(present, model_.size());
    ASSERT_EQ(keys_.expire_count(0), expiring);
    ASSERT_GE(keys_.memory_bytes(0), bytes);
    ASSERT_EQ(observer_.told, observer_.heard);
    const Entry* any = keys_.random_key(0, dice_);
    ASSERT_EQ(any != nullptr, !model_.empty());
    if (any != nullptr) {
      ASSERT_TRUE(model_.contains(std::string(any->key())));
    }
  }

  SeededRandom dice_;
  Keyspace keys_;
  Observer observer_;
  testing::DiceMover mover_{dice_, 70};
  CompactionCount moved_;
  std::map<std::string, Expected> model_;
  std::set<std::string> stayed_;  // there since the scan began
  std::set<std::string> seen_;
  uint64_t cursor_ = 0;
  int64_t now_ = 1'700'000'000'000;
  bool grow_ = false;

 public:
  int scans_ = 0;
  size_t moves() const { return moved_.moved_blocks; }
};

TEST(KeyspaceModel, BehavesLikeAMapWhileKeysComeGoAndExpireUnderAScan) {
  const char* seconds = std::getenv("HOLDFAST_MODEL_SECONDS");
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds == nullptr ? 0 : std::atoi(seconds));
  uint64_t steps = 0;
  for (uint64_t seed = 1; seed <= 3 || std::chrono::steady_clock::now() < end; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    ModelRun run(seed);
    run.steps(150000);
    if (::testing::Test::HasFatalFailure()) return;
    EXPECT_GT(run.scans_, 3);
    EXPECT_GT(run.moves(), 1000u);
    steps += 150000;
  }
  ::testing::Test::RecordProperty("steps", static_cast<int>(steps));
  if (seconds != nullptr) std::printf("%llu random steps\n", static_cast<unsigned long long>(steps));
}

}  // namespace
}  // namespace holdfast::node
