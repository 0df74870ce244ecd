// Our files against Redis 7.0's own programs, and its files against our readers.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>

#include "node/persistence/append_only_file.h"
#include "node/persistence/rdb_reader.h"
#include "tests/support/inline_snapshot_saver.h"
#include "tests/unit/node/persistence/test_util.h"

namespace holdfast::node {
namespace {

using test::MemoryDataSet;
using testing::HasSubstr;

struct Output {
  int status = -1;
  std::string text;
};

Output run(const std::string& line) {
  Output output;
  std::FILE* pipe = ::popen((line + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return output;
  char block[4096];
  size_t count = 0;
  while ((count = std::fread(block, 1, sizeof block, pipe)) > 0) output.text.append(block, count);
  const int status = ::pclose(pipe);
  output.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return output;
}

int free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  socklen_t size = sizeof address;
  EXPECT_EQ(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), 0);
  ::close(fd);
  return ntohs(address.sin_port);
}

// A redis-server of our own on loopback, ended with the object.
class RedisServer {
 public:
  RedisServer(const std::string& folder, std::vector<std::string> options) : port_(std::to_string(free_port())) {
    std::vector<std::string> words = {
        "redis-server", "--port", port_, "--bind", "127.0.0.1", "--dir", folder, "--logfile", folder + "/redis.log"};
    words.insert(words.end(), options.begin(), options.end());
    pid_ = ::fork();
    if (pid_ == 0) {
      std::vector<char*> argv;
      for (std::string& word : words) argv.push_back(word.data());
      argv.push_back(nullptr);
      ::execvp(argv[0], argv.data());
      ::_exit(127);
    }
    up_ = eventually([this] { return cli("PING") == "PONG"; });
  }
  ~RedisServer() {
    ::kill(pid_, SIGTERM);
    ::waitpid(pid_, nullptr, 0);
  }
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;

  bool up() const { return up_; }
  std::string cli(const std::string& arguments) const {
    std::string text = run("redis-cli -p " + port_ + " " + arguments).text;
    while (text.ends_with('\n')) text.pop_back();
    return text;
  }

 private:
  const std::string port_;
  pid_t pid_ = -1;
  bool up_ = false;
};

MemoryDataSet sample() {
  MemoryDataSet data;
  data.put(0, "text", "hello world");
  data.put(0, "int8", "-100");
  data.put(0, "int16", "30000");
  data.put(0, "int32", "2000000000");
  data.put(0, "int64", "9000000000000000000");
  data.put(0, "packed", std::string(5000, 'z'));
  data.put(7, "empty", "");
  data.put(7, "expiring", "later", 4'000'000'000'000);
  for (int i = 0; i < 500; ++i) data.put(15, "k" + std::to_string(i), std::string(static_cast<size_t>(i), 'b'));
  return data;
}

void expect_sample(const RedisServer& server) {
  EXPECT_EQ(server.cli("GET text"), "hello world");
  EXPECT_EQ(server.cli("GET int8"), "-100");
  EXPECT_EQ(server.cli("GET int16"), "30000");
  EXPECT_EQ(server.cli("GET int32"), "2000000000");
  EXPECT_EQ(server.cli("GET int64"), "9000000000000000000");
  EXPECT_EQ(server.cli("GET packed"), std::string(5000, 'z'));
  EXPECT_EQ(server.cli("-n 7 STRLEN empty"), "0");
  EXPECT_EQ(server.cli("-n 7 EXISTS empty"), "1");
  EXPECT_EQ(server.cli("-n 7 PEXPIRETIME expiring"), "4000000000000");
  EXPECT_EQ(server.cli("-n 15 DBSIZE"), "500");
  EXPECT_EQ(server.cli("-n 15 STRLEN k499"), "499");
}

class RedisFiles : public testing::Test {
 protected:
  std::unique_ptr<AppendOnlyFile> open_log(const MemoryDataSet& data, bool rdb_base, bool timestamps) {
    AppendOnlyFile::Options options;
    options.directory = folder_.path();
    options.rdb_base = rdb_base;
    options.timestamps = timestamps;
    auto aof = std::make_unique<AppendOnlyFile>(fs_, clock_, options, AppendOnlyLog::Notify{}, [] {
      return ReplicationPosition{*RunId::parse(std::string(40, 'c')), 12345, 0};
    });
    const auto opened = aof->open(data, {});
    EXPECT_TRUE(opened) << (opened ? "" : opened.error().text);
    return aof;
  }

  TemporaryFolder folder_;
  PosixFileSystem fs_;
  SystemClock clock_;
};

TEST_F(RedisFiles, OurDumpPassesItsCheckAndLoads) {
  for (const bool compression : {true, false}) {
    SnapshotRequest request;
    request.path = folder_.path() + "/dump.rdb";
    request.header.created = clock_.wall_now();
    request.header.replication = ReplicationPosition{*RunId::parse(std::string(40, 'd')), 99, 0};
    request.encoding.compression = compression;
    ASSERT_TRUE(write_snapshot(fs_, sample(), request));
    const Output check = run("redis-check-rdb " + request.path);
    EXPECT_EQ(check.status, 0) << check.text;
    EXPECT_THAT(check.text, HasSubstr("\\o/ RDB looks OK! \\o/"));
    const RedisServer server(folder_.path(), {});
    ASSERT_TRUE(server.up());
    expect_sample(server);
  }
}

TEST_F(RedisFiles, ItsDumpLoadsHere) {
  {
    const RedisServer server(folder_.path(), {"--enable-debug-command", "yes"});
    ASSERT_TRUE(server.up());
    server.cli("SET text 'hello world'");
    server.cli("MSET n0 0 n1 127 n2 -129 n3 70000 n4 -2147483648 n5 2147483648 n6 007");
    server.cli("SETRANGE packed 100000 end");
    server.cli("-n 3 SET expiring soon PXAT 4000000000123");
    server.cli("-n 3 DEBUG POPULATE 2000 key 40");
    server.cli("-n 9 SET '' emptykey");
    ASSERT_EQ(server.cli("SAVE"), "OK");
  }
  MemoryDataSet data;
  const auto loaded = load_rdb_file(fs_, folder_.path() + "/dump.rdb", data, {});
  ASSERT_TRUE(loaded) << loaded.error().text;
  EXPECT_EQ(loaded->version, 10);
  EXPECT_EQ(loaded->aux.at("redis-ver"), "7.0.15");
  EXPECT_TRUE(loaded->warnings.empty());
  const auto& first = data.databases.at(0);
  EXPECT_EQ(first.size(), 9U);
  EXPECT_EQ(first.at("text").bytes, "hello world");
  const std::array<const char*, 7> numbers = {"0", "127", "-129", "70000", "-2147483648", "2147483648", "007"};
  for (size_t i = 0; i < numbers.size(); ++i) EXPECT_EQ(first.at("n" + std::to_string(i)).bytes, numbers[i]);
  EXPECT_EQ(first.at("packed").bytes, std::string(100'000, '\0') + "end");
  EXPECT_EQ(data.databases.at(3).size(), 2001U);
  EXPECT_EQ(data.databases.at(3).at("expiring").expires_ms, 4'000'000'000'123);
  EXPECT_EQ(data.databases.at(9).at("").bytes, "emptykey");
}

TEST_F(RedisFiles, OurLogPassesItsCheckAndLoads) {
  for (const bool rdb_base : {true, false}) {
    const std::string inner = folder_.path() + "/appendonlydir";
    ASSERT_EQ(run("rm -rf " + inner).status, 0);
    {
      const MemoryDataSet base = sample();
      auto aof = open_log(base, rdb_base, true);
      feed(*aof, 2, {"SET", "logged", "yes"});
      feed(*aof, -1, {"MULTI"});
      feed(*aof, 0, {"INCR", "counter"});
      feed(*aof, 2, {"INCR", "counter"});
      feed(*aof, -1, {"EXEC"});
      aof->flush();
      test::InlineSnapshotSaver saver(fs_, base);
      ASSERT_TRUE(aof->start_rewrite({}, saver));  // the base is without what was logged above
      feed(*aof, 2, {"SET", "logged", "again"});
      saver.poll();
      EXPECT_EQ(aof->manifest().base()->sequence, 2);
      ASSERT_TRUE(aof->close(ReplicationPosition{*RunId::parse(std::string(40, 'e')), 20000, 2}));
    }
    const Output check = run("redis-check-aof " + inner + "/appendonly.aof.manifest");
    EXPECT_EQ(check.status, 0) << check.text;
    EXPECT_THAT(check.text, HasSubstr("All AOF files and manifest are valid"));
    const RedisServer server(folder_.path(), {"--appendonly", "yes"});
    ASSERT_TRUE(server.up()) << run("cat " + folder_.path() + "/redis.log").text;
    expect_sample(server);
    EXPECT_EQ(server.cli("-n 2 GET logged"), "again");
    EXPECT_EQ(server.cli("-n 2 EXISTS counter"), "0");
  }
}

TEST_F(RedisFiles, ItsLogLoadsHere) {
  {
    const RedisServer server(folder_.path(),
                             {"--appendonly", "yes", "--aof-timestamp-enabled", "yes", "--appendfsync", "always"});
    ASSERT_TRUE(server.up());
    server.cli("SET a 1");
    server.cli("-n 4 SET b two");
    server.cli("BGREWRITEAOF");
    ASSERT_TRUE(eventually([&] {
      return server.cli("INFO persistence").find("aof_rewrite_in_progress:0") != std::string::npos &&
             fs_.exists(folder_.path() + "/appendonlydir/appendonly.aof.2.base.rdb");
    }));
    EXPECT_EQ(server.cli("EVAL \"redis.call('INCR','a') redis.call('INCR','a') return 1\" 1 a"), "1");
    server.cli("-n 4 DEL b");
  }
  AppendOnlyFile::Options options;
  options.directory = folder_.path();
  MemoryDataSet data;
  Replayer replayer(data);
  AppendOnlyFile aof(fs_, clock_, options, {});
  const auto loaded = aof.load(data, std::ref(replayer), {});
  ASSERT_TRUE(loaded) << loaded.error().text;
  ASSERT_TRUE(*loaded);
  EXPECT_EQ(data.databases[0].at("a").bytes, "3");
  EXPECT_TRUE(data.databases[4].empty());
  ASSERT_TRUE(aof.open(data, {}));
  feed(aof, 0, {"INCR", "a"});
  ASSERT_TRUE(aof.close(std::nullopt));
  const RedisServer server(folder_.path(), {"--appendonly", "yes"});
  ASSERT_TRUE(server.up());
  EXPECT_EQ(server.cli("GET a"), "4");
}

}  // namespace
}  // namespace holdfast::node
