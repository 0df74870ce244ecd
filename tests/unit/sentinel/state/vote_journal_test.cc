// The votes journal: what one record says, what a torn, old or foreign one adds, and how the store uses it.
#include "sentinel/state/vote_journal.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "sentinel/state/state_store.h"
#include "tests/support/faulty_file_system.h"

namespace holdfast::sentinel {
namespace {

using Operation = test::FaultyFileSystem::Operation;

const char* const kConf = "etc/sentinel.conf";
const char* const kJournal = "etc/sentinel.conf.journal";
const Endpoint kOld{"127.0.0.1", 6379};
const Endpoint kNew{"127.0.0.1", 6380};

struct VoteJournal : ::testing::Test {
  test::FaultyFileSystem files;
  std::unique_ptr<ConfigFileStore> store;
  PersistentState state;
  std::string file_before;

  void SetUp() override {
    files.put(kConf,
              "sentinel myid aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n"
              "sentinel monitor m 127.0.0.1 6379 2\nsentinel monitor \"n 2\" 127.0.0.2 6379 2\n"
              "sentinel known-replica m 127.0.0.1 6381\nsentinel known-replica m 127.0.0.1 6380\n");
    start();
    ASSERT_TRUE(store->save(state));  // brings the file into our form
    file_before = files.content(kConf);
  }
  void start() {
    store = std::make_unique<ConfigFileStore>(files, kConf);
    auto loaded = store->load();
    ASSERT_TRUE(loaded) << loaded.error().text;
    state = std::move(*loaded);
    ASSERT_TRUE(store->settle());
  }
  // As start(), but stops before the file catches up.
  PersistentState recovered() { return ConfigFileStore(files, kConf).load().value_or(PersistentState()); }
  Result<> vote(uint64_t epoch) {
    PersistentState next = state;
    next.current_epoch = next.primaries[0].leader_epoch = Epoch{epoch};
    auto saved = store->save(next);
    if (saved) state = next;
    return saved;
  }
  Result<> promote(uint64_t epoch) {
    PersistentState next = state;
    PersistentPrimary& p = next.primaries[0];
    next.current_epoch = p.leader_epoch = p.config_epoch = Epoch{epoch};
    std::erase(p.replicas, kNew);
    p.replicas.insert(p.replicas.begin(), p.address);
    p.address = kNew;
    auto saved = store->save(next);
    if (saved) state = next;
    return saved;
  }
};

TEST_F(VoteJournal, AVoteIsOneSyncAndLeavesTheFileAlone) {
  const uint64_t syncs = files.sync_count();
  ASSERT_TRUE(vote(7));
  EXPECT_EQ(files.sync_count(), syncs + 1);
  EXPECT_EQ(files.content(kConf), file_before);
  EXPECT_FALSE(store->settled());
  files.crash();
  EXPECT_EQ(recovered(), state);
}

TEST_F(VoteJournal, APromotionReadsBackWithItsReplicas) {
  ASSERT_TRUE(vote(7));
  ASSERT_TRUE(promote(7));
  EXPECT_EQ(files.content(kConf), file_before);
  files.crash();
  const PersistentState read = recovered();
  EXPECT_EQ(read, state);
  EXPECT_EQ(read.primaries[0].address, kNew);
  EXPECT_EQ(read.primaries[0].replicas, (std::vector<Endpoint>{kOld, {"127.0.0.1", 6381}}));
  EXPECT_EQ(read.primaries[1].address.host, "127.0.0.2");
}

TEST_F(VoteJournal, TheFileCatchesUpAndTheJournalIsEmptyThen) {
  ASSERT_TRUE(promote(7));
  ASSERT_TRUE(store->settle());
  EXPECT_TRUE(store->settled());
  EXPECT_EQ(files.content(kJournal), "");
  EXPECT_NE(files.content(kConf).find("sentinel monitor m 127.0.0.1 6380 2"), std::string::npos);
  EXPECT_NE(files.content(kConf).find("sentinel leader-epoch m 7"), std::string::npos);
  const uint64_t syncs = files.sync_count();
  ASSERT_TRUE(vote(8));  // the journal goes on
  EXPECT_EQ(files.sync_count(), syncs + 1);
  EXPECT_EQ(recovered(), state);
  ASSERT_TRUE(store->settle());
  store->close();
  EXPECT_FALSE(files.exists(kJournal));
}

TEST_F(VoteJournal, SettingsAndDiscoveriesGoToTheFileAtOnce) {
  state.primaries[0].settings.quorum = 3;
  ASSERT_TRUE(store->save(state));
  EXPECT_NE(files.content(kConf).find("6379 3"), std::string::npos);
  state.primaries[0].replicas.push_back({"127.0.0.9", 1});
  ASSERT_TRUE(store->save(state));
  EXPECT_NE(files.content(kConf).find("127.0.0.9 1"), std::string::npos);
  EXPECT_TRUE(store->settled());
}

TEST_F(VoteJournal, SavingTheSameAgainAsksForTheFile) {
  ASSERT_TRUE(vote(7));
  ASSERT_TRUE(store->save(state));  // SENTINEL FLUSHCONFIG
  EXPECT_NE(files.content(kConf).find("leader-epoch m 7"), std::string::npos);
  EXPECT_TRUE(store->settled());
}

TEST_F(VoteJournal, ATornTailIsPassedOver) {
  ASSERT_TRUE(vote(7));
  const std::string whole = files.content(kJournal);
  ASSERT_TRUE(vote(8));
  const std::string both = files.content(kJournal);
  for (size_t cut = whole.size(); cut < both.size(); ++cut) {
    files.put(kJournal, both.substr(0, cut));
    EXPECT_EQ(recovered().primaries[0].leader_epoch, Epoch{7}) << cut;
  }
  std::string flipped = both;
  flipped[whole.size() - 2] ^= 1;  // the first record's last digit: neither it nor what follows counts
  files.put(kJournal, flipped);
  EXPECT_EQ(recovered().primaries[0].leader_epoch, Epoch{0});
}

// What is appended behind a torn record would never be read: the file is rewritten first.
TEST_F(VoteJournal, AVoteAfterATornJournalIsKept) {
  files.put(kJournal, "00000000 torn");
  store = std::make_unique<ConfigFileStore>(files, kConf);
  state = *store->load();
  EXPECT_FALSE(store->settled());
  ASSERT_TRUE(vote(9));
  files.crash();
  EXPECT_EQ(recovered().primaries[0].leader_epoch, Epoch{9});
}

TEST_F(VoteJournal, AJournalOfAnotherSentinelIsIgnored) {
  ASSERT_TRUE(promote(7));
  std::string text = files.content(kConf);
  text.replace(text.find("aaaaaaaaaa"), 10, "bbbbbbbbbb");
  files.put(kConf, text);
  EXPECT_EQ(recovered().primaries[0].leader_epoch, Epoch{0});
  EXPECT_EQ(recovered().primaries[0].address, kOld);
}

// The file was rewritten, the power went before the journal was emptied.
TEST_F(VoteJournal, AJournalOlderThanTheFileChangesNothing) {
  ASSERT_TRUE(promote(7));
  const std::string journal = files.content(kJournal);
  ASSERT_TRUE(promote(8));
  PersistentPrimary& p = state.primaries[0];
  p.address = {"127.0.0.1", 6381};
  p.replicas = {kOld, kNew};
  p.config_epoch = p.leader_epoch = state.current_epoch = Epoch{9};
  ASSERT_TRUE(store->save(state));
  ASSERT_TRUE(store->settle());
  files.put(kJournal, journal);
  EXPECT_EQ(recovered(), state);
}

// Set up anew under the same name, or edited by hand: its votes stay spent, its address is what the file says.
TEST_F(VoteJournal, AnotherConfigurationInTheFileHoldsAgainstTheJournal) {
  ASSERT_TRUE(promote(7));
  std::string text = files.content(kConf);
  text.replace(text.find("monitor m 127.0.0.1 6379"), 24, "monitor m 127.0.0.7 6379");
  files.put(kConf, text);
  const PersistentState read = recovered();
  EXPECT_EQ(read.primaries[0].address, (Endpoint{"127.0.0.7", 6379}));
  EXPECT_EQ(read.primaries[0].config_epoch, Epoch{0});
  EXPECT_EQ(read.primaries[0].leader_epoch, Epoch{7});
  EXPECT_EQ(read.current_epoch, Epoch{7});
}

TEST_F(VoteJournal, AJournalThatFailsIsReplacedByARewrite) {
  for (const Operation operation : {Operation::append, Operation::sync}) {
    const uint64_t epoch = state.current_epoch.value + 1;
    files.fail_operation(operation, EIO, 0, 1, ".journal");
    ASSERT_TRUE(vote(epoch));
    files.clear_failures();
    EXPECT_NE(files.content(kConf).find("leader-epoch m " + std::to_string(epoch)), std::string::npos);
    files.crash();
    EXPECT_EQ(recovered(), state);
    start();
  }
}

TEST_F(VoteJournal, AJournalThatWasRemovedTakesNoVotes) {
  ASSERT_TRUE(files.remove(kJournal));
  ASSERT_TRUE(vote(7));
  EXPECT_NE(files.content(kConf).find("leader-epoch m 7"), std::string::npos);
  ASSERT_TRUE(vote(8));
  EXPECT_EQ(recovered(), state);
}

TEST_F(VoteJournal, AVoteThatNeitherTakesIsAnError) {
  files.fail_operation(Operation::sync, EIO, 0, 2);
  EXPECT_FALSE(vote(7));
  files.clear_failures();
  ASSERT_TRUE(vote(8));
  files.crash();
  EXPECT_EQ(recovered(), state);
}

TEST_F(VoteJournal, AFolderThatTakesNoNewFileHasItsFileRewritten) {
  files.put("else/sentinel.conf", files.content(kConf));
  files.fail_operation(Operation::open, EACCES, 0, 1000, ".journal");
  ConfigFileStore other(files, "else/sentinel.conf");
  PersistentState read = *other.load();
  ASSERT_TRUE(other.settle());
  read.current_epoch = read.primaries[0].leader_epoch = Epoch{5};
  ASSERT_TRUE(other.save(read));
  EXPECT_TRUE(other.settled());
  files.crash();
  files.clear_failures();
  EXPECT_EQ(*ConfigFileStore(files, "else/sentinel.conf").load(), read);
}

TEST_F(VoteJournal, AJournalThatCannotBeReadIsAnError) {
  ASSERT_TRUE(vote(7));
  files.fail_operation(Operation::open, EACCES, 0, 1, ".journal");
  const auto loaded = ConfigFileStore(files, kConf).load();
  ASSERT_FALSE(loaded);
  EXPECT_NE(loaded.error().text.find("can't read the votes journal"), std::string::npos);
}

// Every crash point of a run of saves and settlings: what was saved is there, what was not may be.
TEST_F(VoteJournal, NothingSavedIsLostAtAnyCrash) {
  for (uint64_t changes = 0; changes < 40; ++changes) {
    uint64_t saved = state.current_epoch.value;
    uint64_t tried = saved;
    files.die_after(changes);
    for (int i = 0; i < 4; ++i) {
      if (vote(++tried)) saved = tried;
      if (i % 2 == 1) (void)store->settle();
    }
    files.crash();
    start();
    EXPECT_GE(state.primaries[0].leader_epoch.value, saved) << changes;
    EXPECT_LE(state.primaries[0].leader_epoch.value, tried) << changes;
  }
}

TEST(JournalRecord, NamesOfAnyBytesReadBack) {
  const JournalRecord record{*RunId::parse(std::string(40, 'c')),
                             Epoch{5},
                             {{"a \"b\"\n'#", {kOld, Epoch{1}}, {{"::1", 7}, Epoch{5}}, Epoch{5}}}};
  const std::string text = text_of_record(record);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
  EXPECT_EQ(read_journal(text), std::vector{record});
}

}  // namespace
}  // namespace holdfast::sentinel
