// Snapshots against the data set they were taken of: random commands run while a cut is worked off in random slices, and
// what its records say must load as the data set of the instant at which it began, by DEBUG DIGEST.
//
// HOLDFAST_SNAPSHOT_ROUNDS (60) and HOLDFAST_SNAPSHOT_SEED (1) choose how much of it; a failure names its seed.
#include <gtest/gtest.h>

#include <cstdlib>

#include "common/resp/request_parser.h"
#include "node/commands/digest.h"
#include "node/persistence/rdb_reader.h"
#include "node/persistence/snapshot_cut.h"
#include "node/persistence/snapshot_replay.h"
#include "tests/unit/node/commands/node_fixture.h"

namespace holdfast::node {
namespace {

using testing::NodeTest;

uint64_t from_environment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

class FreeNow final : public Reclaimer {
 public:
  void reclaim(Garbage garbage, size_t) override { const Garbage gone = std::move(garbage); }
  uint64_t pending_objects() const override { return 0; }
  uint64_t freed_objects() const override { return 0; }
  void reset_freed_objects() override {}
};

// Time passes by being looked at.
class StepClock final : public Clock {
 public:
  Instant now() const override { return now_ += Micros(1); }
  WallTime wall_now() const override { return from_unix_ms(1'700'000'000'000); }

 private:
  mutable Instant now_{};
};

class Workload {
 public:
  explicit Workload(RandomSource& random) : random_(random), strings_(random.below(2) == 0 ? 6 : 3000) {}
  uint64_t strings() const { return strings_; }

  std::string command() {
    static constexpr const char* kForms[] = {
        "SET %s %v", "SET %s %v EX 100", "SET %s %n", "APPEND %s %v", "SETRANGE %s %n %v", "INCR %s", "GETDEL %s", "DEL %a %a",
        "UNLINK %a", "EXPIRE %a 500", "PEXPIRE %a 30", "PERSIST %a", "RENAME %a %a", "COPY %a %a REPLACE", "MOVE %a 1",
        "SELECT %d", "SELECT 0", "LPUSH %l %v %v", "RPUSH %l %v %n", "LPOP %l 3", "LSET %l 0 %v", "LINSERT %l BEFORE %v %v",
        "LTRIM %l 1 -2", "RPOPLPUSH %l %l", "LREM %l 0 %v", "SADD %e %v %n", "SADD %e %n %n %n", "SREM %e %n %v", "SPOP %e 2",
        "SMOVE %e %e %n", "SUNIONSTORE %e %e %e", "SINTERSTORE %e %e %e", "HSET %h %n %v %n %n", "HSET %h %v %v", "HDEL %h %n %n",
        "HINCRBY %h %n 3", "HPEXPIRE %h 100000 FIELDS 1 %n", "HPEXPIRE %h 20 FIELDS 1 %n", "HPERSIST %h FIELDS 1 %n",
        "HGETDEL %h FIELDS 1 %n", "ZADD %z %n %n %n %v", "ZINCRBY %z 1.5 %n", "ZREM %z %n %v", "ZPOPMIN %z 2",
        "ZREMRANGEBYRANK %z 0 2", "ZUNIONSTORE %z 2 %z %z", "ZRANGESTORE %z %z 0 5", "XADD %x * %n %v", "XADD %x MAXLEN 40 * f %v",
        "XTRIM %x MAXLEN 20", "XGROUP CREATE %x g 0", "XREADGROUP GROUP g c COUNT 3 STREAMS %x >", "XDEL %x 0-1",
        "SETBIT %s %n 1", "PFADD %s %v", "GEOADD %z 1.5 2.5 %v", "SORT %l ALPHA STORE %l", "GETSET %s %v"};
    return fill(kForms[random_.below(std::size(kForms))]);
  }
  // Rare ones, and values that are large from the start.
  std::string upheaval() {
    switch (random_.below(10)) {
      case 0:
        return "FLUSHALL";
      case 1:
        return "FLUSHDB ASYNC";
      case 2:
      case 3:
        return "SWAPDB 0 1";
      case 4:
        return fill("SET %s ") + std::string(70'000 + random_.below(200'000), static_cast<char>('a' + random_.below(26)));
      case 5:
        return many("HSET " + key('h'), 2);
      case 6:
        return many("ZADD " + key('z'), 2);
      case 7:
        return many("SADD " + key('e'), 1);
      case 8:
        return many("RPUSH " + key('l'), 1);
      default:
        return fill("APPEND %s ") + std::string(50'000 + random_.below(50'000), 'y');
    }
  }

 private:
  // Strings are many, so that their table has several segments; most values with elements meet often.
  std::string key(char kind) { return kind + std::to_string(random_.below(kind == 's' ? strings_ : 6)); }
  std::string many(std::string command, int words) {
    const uint64_t count = 300 + random_.below(900);
    for (uint64_t i = 0; i < count * words; ++i) command += " " + std::to_string(random_.below(5000));
    return command;
  }
  std::string fill(std::string_view form) {
    std::string out;
    for (size_t i = 0; i < form.size(); ++i) {
      if (form[i] != '%') {
        out += form[i];
        continue;
      }
      const char kind = form[++i];
      if (kind == 'n') {
        out += std::to_string(random_.below(2000));
      } else if (kind == 'v') {
        out += "v" + std::string(random_.below(80), static_cast<char>('a' + random_.below(3))) + std::to_string(random_.below(300));
      } else if (kind == 'd') {
        out += std::to_string(random_.below(3));
      } else {
        out += key(kind == 'a' ? "slehzx"[random_.below(6)] : kind);
      }
    }
    return out;
  }

  RandomSource& random_;
  const uint64_t strings_;
};

class SnapshotModel : public NodeTest {
 protected:
  SnapshotModel() { node.keys().set_reclaimer(&reclaimer_); }
  ~SnapshotModel() override { node.keys().set_reclaimer(nullptr); }

  // Nobody asks here what the fixture has written down: 8 GB in 10,000 rounds.
  void forget_effects() {
    (void)effects();
    (void)replication.stream.take();
  }

  void change(Workload& workload) {
    run(random_.below(25) == 0 ? workload.upheaval() : workload.command());
    if (random_.below(10) == 0) {
      clock.advance(Millis(random_.below(20)));
      expire_actively();
    }
    if (random_.below(40) == 0) {
      const Entry* entry = node.keys().random_key(0, random_);
      if (entry != nullptr) node.keys().evict(0, std::string(entry->key()), Keyspace::Free::lazily);
    }
  }

  // Many strings, some of them long.
  void fill(const Workload& workload) {
    for (uint64_t i = 0; i < workload.strings() / 2; ++i) {
      run(fmt::format("SET s{} {}", i, random_.below(100) == 0 ? std::string(70'000, 'z') : std::to_string(i)));
    }
  }

  // The file that a cut of now gives, with commands in between; `abandon`: it is given up in the middle.
  std::string snapshot(Workload& workload, SnapshotRequest::Format format, bool abandon) {
    SnapshotRequest request;
    request.format = format;
    request.encoding.compression = random_.below(2) == 0;
    request.header.element_expiry = node.keys().has_element_expiry();
    std::vector<SnapshotWriter::DatabaseSize> sizes;
    for (int db = 0; db < node.keys().database_count(); ++db) {
      sizes.push_back({db, node.keys().key_count(db), node.keys().expire_count(db)});
    }
    StringSink sink;
    const SnapshotReplay::Progress progress;
    const auto replay = SnapshotReplay::make(sink, request, sizes, progress);
    replay->begin();
    SnapshotCut cut(node.keys(), format == SnapshotRequest::Format::rdb ? SnapshotFormat::rdb() : SnapshotFormat::commands());
    const uint64_t patience = random_.below(30);  // commands between two slices
    for (bool all = false; !all;) {
      for (uint64_t i = random_.below(patience + 1); i > 0; --i) change(workload);
      all = cut.step(time_, time_.now() + Micros(random_.below(30)), 1 + random_.below(3));
      while (cut.out().full_chunks() > 0 || (all && !cut.out().empty())) {
        Chunk chunk = cut.out().take();
        EXPECT_TRUE(replay->replay(chunk.text()));
        cut.out().give_back(std::move(chunk));
      }
      if (abandon && random_.below(8) == 0) return {};
    }
    EXPECT_TRUE(replay->finish());
    return sink.text();
  }

  FreeNow reclaimer_;
  StepClock time_;
  SeededRandom random_{1};
};

std::string loaded_digest(const std::string& file) {
  SeededRandom random(1);
  Keyspace keys(16, random);
  keys.begin(from_unix_ms(0), ExpiryMode::ignore);
  StringSource source(file);
  const auto loaded = load_rdb(source, keys, {});
  return loaded ? to_hex(data_set_digest(keys)) : loaded.error().text;
}

// The other node, which replays a file of commands.
class Follower : public NodeTest {
 public:
  void TestBody() override {}
  std::string digest_after(std::string_view commands, WallTime now) {
    clock.set_wall(now);
    resp::RequestParser parser;
    while (!commands.empty()) {
      if (parser.parse(commands, {}) != resp::RequestParser::Status::request) return "damaged";
      (void)node.handle(client, parser.args());
      const std::string reply = std::exchange(client.reply().buffer(), {});
      if (reply.starts_with("-")) return reply;
      commands.remove_prefix(parser.consumed());
    }
    return to_hex(data_set_digest(node.keys()));
  }
};

TEST_F(SnapshotModel, LoadsAsTheDataSetOfItsBeginning) {
  const uint64_t rounds = from_environment("HOLDFAST_SNAPSHOT_ROUNDS", 60);
  const uint64_t first = from_environment("HOLDFAST_SNAPSHOT_SEED", 1);
  for (uint64_t seed = first; seed < first + rounds; ++seed) {
    SCOPED_TRACE(fmt::format("HOLDFAST_SNAPSHOT_SEED={}", seed));
    random_ = SeededRandom(seed);
    Workload workload(random_);
    if (random_.below(3) == 0) fill(workload);
    for (uint64_t i = random_.below(400); i > 0; --i) change(workload);
    for (int broken = static_cast<int>(random_.below(3)); broken > 0; --broken) {
      snapshot(workload, SnapshotRequest::Format::rdb, true);
    }
    node.keys().begin(clock.wall_now(), ExpiryMode::remove);
    const std::string digest = to_hex(data_set_digest(node.keys()));
    const std::string file = snapshot(workload, SnapshotRequest::Format::rdb, false);
    ASSERT_EQ(loaded_digest(file), digest);
    forget_effects();
  }
}

TEST_F(SnapshotModel, ReplaysAsTheDataSetOfItsBeginning) {
  const uint64_t rounds = from_environment("HOLDFAST_SNAPSHOT_ROUNDS", 60) / 4;
  const uint64_t first = from_environment("HOLDFAST_SNAPSHOT_SEED", 1);
  for (uint64_t seed = first; seed < first + rounds; ++seed) {
    SCOPED_TRACE(fmt::format("HOLDFAST_SNAPSHOT_SEED={}", seed));
    random_ = SeededRandom(seed);
    Workload workload(random_);
    for (uint64_t i = random_.below(400); i > 0; --i) change(workload);
    node.keys().begin(clock.wall_now(), ExpiryMode::remove);
    for (int db = 0; db < 3; ++db) node.keys().expire_some(db, 1000, 10'000);  // what is over would not be replayed
    while (node.keys().expire_elements_some(64)) {
    }
    const WallTime earlier = clock.wall_now() - Millis(1000);  // a key that expires just now is still there
    const std::string digest = to_hex(data_set_digest(node.keys()));
    const std::string file = snapshot(workload, SnapshotRequest::Format::commands, false);
    Follower follower;
    ASSERT_EQ(follower.digest_after(file, earlier), digest);
    forget_effects();
  }
}

}  // namespace
}  // namespace holdfast::node
