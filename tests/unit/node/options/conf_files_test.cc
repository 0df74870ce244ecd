// Real conf files: our samples, Debian's redis.conf, and what redis-server makes of the files we write.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <sstream>

#include "common/config/directives.h"
#include "common/config/loader.h"
#include "common/config/rewriter.h"
#include "node/options/node_options.h"

namespace holdfast::node {
namespace {

constexpr const char* kRedisServer = "/usr/bin/redis-server";
// Debian's build cannot defragment; ours does by default. A default is not written to files that redis-server may read.
constexpr const char* kOtherDefault = "activedefrag";
constexpr const char* kRedisConf = "/etc/redis/redis.conf";

std::string configs(const std::string& name) { return std::string(HOLDFAST_SOURCE_DIR) + "/configs/" + name; }

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string output_of(const std::string& command) {
  std::string out;
  FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return out;
  char buffer[4096];
  size_t got;
  while ((got = std::fread(buffer, 1, sizeof buffer, pipe)) > 0) out.append(buffer, got);
  ::pclose(pipe);
  return out;
}

struct TemporaryFolder {
  TemporaryFolder() {
    char name[] = "/tmp/holdfast-options-XXXXXX";
    path = ::mkdtemp(name);
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path); }
  std::string path;
};

struct Loaded {
  NodeOptions options;
  config::Registry registry;
  config::LoadReport report;
  Loaded() { add_node_rows(registry, options); }
  void load(const std::string& text) {
    PosixFileSystem fs;
    report = config::load(text, registry, fs);
  }
};

// Directives that stand commented out in a conf file: "# name value".
std::vector<config::Words> commented_directives(const std::string& text) {
  static const std::regex kDirective("# ([a-z][a-z0-9_-]+ .*)");
  std::vector<config::Words> found;
  for (const std::string_view line : config::split_lines(text)) {
    std::smatch match;
    const std::string copy(line);
    if (!std::regex_match(copy, match, kDirective)) continue;
    if (auto words = config::split_words(match[1].str())) found.push_back(*words);
  }
  return found;
}

TEST(SampleConf, NodeAndReplicaLoad) {
  Loaded node, replica;
  node.load(read_file(configs("node.conf")));
  EXPECT_TRUE(node.report.ok()) << config::check_report(node.report, "node.conf");
  EXPECT_TRUE(node.report.warnings.empty());
  EXPECT_EQ(node.options.port, 6379);
  EXPECT_EQ(node.options.http_port, 9379);
  EXPECT_FALSE(node.options.replicaof);
  replica.load(read_file(configs("replica.conf")));
  EXPECT_TRUE(replica.report.ok()) << config::check_report(replica.report, "replica.conf");
  EXPECT_EQ(replica.options.port, 6380);
  EXPECT_EQ(replica.options.http_port, 9380);
  EXPECT_EQ(replica.options.replicaof, (Endpoint{"127.0.0.1", 6379}));
}

TEST(SampleConf, NodeConfNamesEveryOptionWithItsDefault) {
  const std::string text = read_file(configs("node.conf"));
  Loaded defaults;
  std::map<std::string, std::vector<config::Occurrence>> commented;
  for (const auto& words : commented_directives(text)) {
    commented[words[0]].push_back({{words.begin() + 1, words.end()}, 0});
  }
  std::map<std::string, int> active;
  PosixFileSystem fs;
  for (const auto& directive : config::read_directives(text, fs).directives) ++active[directive.name];
  for (const auto& option : defaults.registry.options()) {
    if (option->has(config::kHidden)) continue;
    if (active.contains(option->name())) continue;
    ASSERT_TRUE(commented.contains(option->name())) << option->name() << " is missing from node.conf";
    if (option->name() == "replicaof" || option->has(config::kNoCommand)) continue;  // an example, no default
    EXPECT_TRUE(option->matches(commented[option->name()])) << option->name() << ": not the default";
  }
}

TEST(SampleConf, RewriteOfTheSampleChangesNothing) {
  const std::string text = read_file(configs("node.conf"));
  Loaded sample;
  sample.load(text);
  EXPECT_EQ(config::rewrite_config(text, sample.registry).value_or("failed"), text);
}

TEST(DebianRedisConf, LoadsAndEveryDirectiveInItIsKnown) {
  const std::string text = read_file(kRedisConf);
  if (text.empty()) GTEST_SKIP() << "redis.conf of Debian's package is not readable here";
  Loaded debian;
  debian.load(text);
  EXPECT_TRUE(debian.report.ok()) << config::check_report(debian.report, kRedisConf);
  EXPECT_TRUE(debian.report.warnings.empty()) << config::check_report(debian.report, kRedisConf);
  EXPECT_TRUE(debian.options.daemonize);
  EXPECT_EQ(debian.options.pidfile, "/run/redis/redis-server.pid");
  // Words that prose begins a line with have no dash or underscore, but for one, and for the eviction policies it
  // lists.
  int known = 0;
  for (const auto& words : commented_directives(text)) {
    if (words[0].find_first_of("-_") == std::string::npos) continue;
    if (words[0] == "client-only" || words[0].starts_with("allkeys-") || words[0].starts_with("volatile-")) continue;
    EXPECT_NE(debian.registry.find(words[0]), nullptr) << words[0];
    ++known;
  }
  EXPECT_GT(known, 60);
}

// Redis stops at the first mistake: if that is the one we add at the end, it took everything before it.
void expect_redis_takes(const std::string& path) {
  const std::string out = output_of(fmt::format("{} {} --hz last-word 2>&1 </dev/null", kRedisServer, path));
  EXPECT_NE(out.find(">>> 'hz \"last-word\"'"), std::string::npos) << out;
}

TEST(RealRedis, TakesARewrittenFile) {
  if (!std::filesystem::exists(kRedisServer)) GTEST_SKIP() << "redis-server is not installed";
  TemporaryFolder folder;
  const std::string path = folder.path + "/n.conf";
  const std::string original =
      "# mine\nport 7000\nsave 900 1\nsave 300 10\nslave-priority 5\nrename-command GET GAT\n"
      "client-output-buffer-limit replica 1mb 2mb 3\nuser default on nopass ~* &* +@all\nhz 20\n";
  std::ofstream(path) << original;
  Loaded node;
  node.load(original);
  ASSERT_TRUE(node.report.ok());
  using Pair = std::pair<std::string, std::string>;
  const auto done = node.registry.set(std::vector<Pair>{{"save", "7 8"},
                                                        {"masterauth", "x \"y\n\x01"},
                                                        {"requirepass", "a b"},
                                                        {"notify-keyspace-events", "KEA"},
                                                        {"maxmemory-clients", "5%"},
                                                        {"maxmemory", "300mb"},
                                                        {"latency-tracking-info-percentiles", ""},
                                                        {"shutdown-on-sigterm", "force now"},
                                                        {"client-output-buffer-limit", "pubsub 1 2 3"},
                                                        {"bind", "127.0.0.1 -::1"},
                                                        {"oom-score-adj-values", "1 2 3"},
                                                        {"proto-max-bulk-len", "1000001024"},
                                                        {"appendonly", "yes"},
                                                        {"loglevel", "warning"},
                                                        {"proc-title-template", "{title} #1"}},
                                      false);
  ASSERT_TRUE(done) << done.error().text;
  PosixFileSystem fs;
  ASSERT_TRUE(config::rewrite_config_file(fs, path, node.registry));
  const std::string text = read_file(path);
  EXPECT_TRUE(text.starts_with("# mine\nport 7000\nsave 7 8\nslave-priority 5\nrename-command GET GAT\n")) << text;
  expect_redis_takes(path);
  Loaded again;
  again.load(text);
  EXPECT_TRUE(again.report.ok());
  EXPECT_EQ(again.options.masterauth, "x \"y\n\x01");
}

TEST(RealRedis, TakesEveryOptionWeCanWrite) {
  if (!std::filesystem::exists(kRedisServer)) GTEST_SKIP() << "redis-server is not installed";
  TemporaryFolder folder;
  Loaded node;
  std::string text;
  for (const auto& option : node.registry.options()) {
    if (option->has(config::kOwn) || option->has(config::kNoCommand) || option->has(config::kHidden)) continue;
    if (option->name() == kOtherDefault) continue;
    for (const auto& line : option->lines()) {
      config::Words words = line.words;
      words.insert(words.begin(), option->name());
      text += config::write_line(words) + '\n';
    }
  }
  std::ofstream(folder.path + "/all.conf") << text;
  expect_redis_takes(folder.path + "/all.conf");
}

TEST(RealRedis, AnswersConfigGetWithOurNamesAndDefaults) {
  if (!std::filesystem::exists(kRedisServer)) GTEST_SKIP() << "redis-server is not installed";
  TemporaryFolder folder;
  const std::string out = output_of(
      fmt::format("cd {0} && {{ {1} --port 0 --unixsocket {0}/s >log 2>&1 & pid=$!; }}; "
                  "for i in $(seq 100); do redis-cli -s s ping >/dev/null 2>&1 && break; sleep 0.05; done; "
                  "redis-cli -s s --json config get '*'; redis-cli -s s shutdown nosave >/dev/null 2>&1; wait $pid",
                  folder.path, kRedisServer));
  static const std::regex kEntry("\"([^\"]+)\":\"((?:[^\"\\\\]|\\\\.)*)\"");
  Loaded node;
  int compared = 0;
  for (auto at = std::sregex_iterator(out.begin(), out.end(), kEntry); at != std::sregex_iterator(); ++at) {
    const std::string name = (*at)[1], value = (*at)[2];
    const config::Option* option = node.registry.find(name);
    ASSERT_NE(option, nullptr) << name;
    ++compared;
    if (name == "dir" || name == "port" || name == "unixsocket" || name == kOtherDefault) continue;
    EXPECT_EQ(option->get(), value) << name;
  }
  EXPECT_GT(compared, 180) << out;
}

}  // namespace
}  // namespace holdfast::node
