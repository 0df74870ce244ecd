#include "node/options/node_options.h"

#include <gtest/gtest.h>

#include "common/config/loader.h"
#include "common/config/rewriter.h"
#include "tests/support/faulty_file_system.h"

namespace holdfast::node {
namespace {

using namespace std::chrono_literals;
using test::FaultyFileSystem;

class NodeOptionsTest : public ::testing::Test {
 protected:
  NodeOptionsTest() { add_node_rows(registry, options); }
  config::LoadReport load(std::string_view text) { return config::load(text, registry, fs); }
  std::string mistake(std::string_view text) {
    const auto report = load(text);
    return report.ok() ? "none" : report.errors[0].reason;
  }
  std::string get(const std::string& name) {
    const auto found = registry.get(std::vector<std::string>{name});
    return found.size() == 1 ? found[0].second : fmt::format("({} values)", found.size());
  }
  Result<> set(const std::string& name, const std::string& value) {
    return registry.set(std::vector<std::pair<std::string, std::string>>{{name, value}}, false);
  }

  FaultyFileSystem fs;
  NodeOptions options;
  config::Registry registry;
};

TEST_F(NodeOptionsTest, SaveLinesAddUpAndEmptyClears) {
  EXPECT_EQ(get("save"), "3600 1 300 100 60 10000");
  EXPECT_TRUE(load("save 900 1\nsave 300 10 60 5\n").ok());
  EXPECT_EQ(get("save"), "900 1 300 10 60 5");
  EXPECT_EQ(options.save[0], (SavePoint{900s, 1}));
  EXPECT_TRUE(load("save 900 1\nsave \"\"\nsave 20 3\n").ok());
  EXPECT_EQ(get("save"), "20 3");
  EXPECT_TRUE(load("save \"\"\n").ok());
  EXPECT_TRUE(options.save.empty());
  EXPECT_TRUE(load("save \"900 1 300 10\"\n").ok());
  EXPECT_EQ(get("save"), "900 1 300 10");
  EXPECT_TRUE(set("save", "7 8"));
  EXPECT_EQ(get("save"), "7 8");
  EXPECT_TRUE(set("save", ""));
  EXPECT_EQ(get("save"), "");
  for (const char* bad : {"save 1", "save a b", "save 0 1", "save 900 1 300", "save \"\" 1"}) {
    EXPECT_EQ(mistake(bad), "Invalid save parameters") << bad;
  }
}

TEST_F(NodeOptionsTest, ReplicaofTakesItsThreeForms) {
  EXPECT_TRUE(load("replicaof 127.0.0.1 6379\n").ok());
  EXPECT_EQ(options.replicaof, (Endpoint{"127.0.0.1", 6379}));
  EXPECT_TRUE(load("slaveof localhost:6380\n").ok());
  EXPECT_EQ(options.replicaof, (Endpoint{"localhost", 6380}));
  EXPECT_TRUE(load("replicaof [::1]:6381\n").ok());
  EXPECT_EQ(options.replicaof, (Endpoint{"::1", 6381}));
  EXPECT_EQ(get("slaveof"), "::1 6381");
  EXPECT_EQ(get("replicaof"), "::1 6381");
  EXPECT_TRUE(load("replicaof a 1\nreplicaof NO ONE\n").ok());
  EXPECT_FALSE(options.replicaof);
  EXPECT_EQ(get("replicaof"), "");
  for (const char* bad : {"replicaof", "replicaof h", "replicaof h 1 2", "replicaof ::1", "replicaof :1"}) {
    EXPECT_EQ(mistake(bad), "wrong number of arguments") << bad;
  }
  for (const char* bad : {"replicaof h x", "replicaof h 99999", "slaveof no two", "replicaof h:99999"}) {
    EXPECT_EQ(mistake(bad), "Invalid master port") << bad;
  }
}

TEST_F(NodeOptionsTest, OldAndNewNamesAreOneOption) {
  EXPECT_TRUE(load("slave-priority 5\nlua-time-limit 7\nhash-max-ziplist-entries 9\n").ok());
  EXPECT_EQ(options.replica_priority, 5);
  EXPECT_EQ(options.busy_reply_threshold, 7ms);
  EXPECT_EQ(options.hash_max_listpack_entries, 9u);
  EXPECT_EQ(get("replica-priority"), "5");
  EXPECT_EQ(get("slave-priority"), "5");
  const auto found = registry.get(std::vector<std::string>{"*list-max-*-size"});
  EXPECT_EQ(found, (std::vector<std::pair<std::string, std::string>>{{"list-max-listpack-size", "-2"},
                                                                     {"list-max-ziplist-size", "-2"}}));
}

TEST_F(NodeOptionsTest, KeyspaceEventsAreShownInRedisOrder) {
  for (const auto& [given, shown] : std::vector<std::pair<std::string, std::string>>{
           {"KEA", "AKE"}, {"Elg", "glE"}, {"Ed", "dE"}, {"KEg$lshzxetdm", "AKEm"}, {"", ""}}) {
    EXPECT_TRUE(set("notify-keyspace-events", given));
    EXPECT_EQ(get("notify-keyspace-events"), shown);
  }
  EXPECT_EQ(mistake("notify-keyspace-events KZ"), "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.");
  EXPECT_EQ(mistake("notify-keyspace-events K E"), "wrong number of arguments");
}

TEST_F(NodeOptionsTest, MistakesHaveRedisReasons) {
  EXPECT_EQ(mistake("dbfilename a/b"), "dbfilename can't be a path, just a filename");
  EXPECT_EQ(mistake("appendfilename a/b"), "appendfilename can't be a path, just a filename");
  EXPECT_EQ(mistake("appendfilename \"\""), "appendfilename can't be empty");
  EXPECT_EQ(mistake("appenddirname a/b"), "appenddirname can't be a path, just a dirname");
  EXPECT_EQ(mistake("maxmemory 10%"), "argument must be a memory value");
  EXPECT_EQ(mistake("repl-backlog-size 0"), "argument must be between 1 and 9223372036854775807 inclusive");
  EXPECT_EQ(mistake("appendfsync sometimes"), "argument(s) must be one of the following: everysec, always, no");
  EXPECT_EQ(mistake("cluster-announce-hostname a_b"),
            "Hostnames may only contain alphanumeric characters, hyphens or dots");
  EXPECT_EQ(mistake("sentinel monitor m 127.0.0.1 1 1"), "sentinel directive while not in sentinel mode");
  EXPECT_EQ(mistake("min-replicas-to-write 2000000000000"), "argument must be between 0 and 2147483647 inclusive");
  EXPECT_EQ(mistake("vm-enabled no"), "Bad directive or wrong number of arguments");
  EXPECT_EQ(mistake("activedefrag maybe"), "argument must be 'yes' or 'no'");
}

TEST_F(NodeOptionsTest, MemoryTakesUnitsAndSaturates) {
  EXPECT_TRUE(load("maxmemory 1K\n").ok());
  EXPECT_EQ(options.maxmemory, 1000u);
  EXPECT_TRUE(load("maxmemory 2GB\n").ok());
  EXPECT_EQ(get("maxmemory"), "2147483648");
  EXPECT_TRUE(load("maxmemory 99999999999999999999999\n").ok());
  EXPECT_EQ(options.maxmemory, UINT64_MAX);
}

TEST_F(NodeOptionsTest, ImmutableOptionsCannotBeSet) {
  for (const char* name : {"replicaof", "databases", "appendfilename", "appenddirname", "rdbchecksum", "io-threads",
                           "cluster-enabled", "unixsocket", "logfile", "aclfile"}) {
    const auto done = set(name, "1");
    ASSERT_FALSE(done) << name;
    EXPECT_EQ(
        done.error().text,
        fmt::format("ERR CONFIG SET failed (possibly related to argument '{}') - can't set immutable config", name));
  }
  EXPECT_TRUE(set("appendonly", "yes"));
  EXPECT_TRUE(options.appendonly);
}

TEST_F(NodeOptionsTest, RewriteKeepsAllLinesOfADefaultInPlaceOfTheFilesOwn) {
  const std::string original = "save 900 1\nport 7000\n";
  EXPECT_TRUE(load(original).ok());
  EXPECT_TRUE(set("save", "3600 1 300 100 60 10000"));
  const auto text = config::rewrite_config(original, registry);
  ASSERT_TRUE(text) << text.error().text;
  EXPECT_TRUE(load(*text).ok());
  EXPECT_EQ(get("save"), "3600 1 300 100 60 10000");
}

TEST_F(NodeOptionsTest, RewriteOfAllReadsBackTheSame) {
  ASSERT_TRUE(fs.make_directory("."));
  EXPECT_TRUE(load("port 7000\nsave 10 20\nclient-output-buffer-limit pubsub 1mb 2mb 3\n").ok());
  const auto text = config::rewrite_config("port 7000\n", registry, config::RewriteScope::all);
  ASSERT_TRUE(text) << text.error().text;
  EXPECT_NE(text->find("\nmaxmemory-samples 5\n"), std::string::npos) << "a default";
  std::vector<std::pair<std::string, std::string>> before;
  for (const auto& option : registry.options()) before.emplace_back(option->name(), option->get());
  const auto report = load(*text);
  EXPECT_TRUE(report.ok()) << (report.ok() ? "" : report.errors[0].reason);
  for (const auto& [name, value] : before) EXPECT_EQ(registry.find(name)->get(), value) << name;
}

TEST_F(NodeOptionsTest, HiddenOptionsShowUnderTheirExactNameOnly) {
  EXPECT_TRUE(set("key-load-delay", "5"));
  EXPECT_EQ(get("key-load-delay"), "5");
  EXPECT_EQ(get("key-load-*"), "(0 values)");
}

TEST_F(NodeOptionsTest, EveryOptionReadsItsOwnText) {
  for (const auto& option : registry.options()) {
    EXPECT_FALSE(option->help().empty()) << option->name();
    if (option->has(config::kNoCommand) || option->lines().empty()) continue;  // not set
    const std::string before = option->get();
    const auto done = option->set(before);
    EXPECT_TRUE(done) << option->name() << ' ' << before;
    EXPECT_EQ(option->get(), before);
  }
}

}  // namespace
}  // namespace holdfast::node
