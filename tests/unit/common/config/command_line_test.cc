#include "common/config/command_line.h"

#include <gtest/gtest.h>

namespace holdfast::config {
namespace {

CommandLine parse(std::vector<std::string> words, const std::string& program = "/usr/bin/holdfast-node") {
  words.insert(words.begin(), program);
  const auto line = parse_command_line(words, "/home/x");
  EXPECT_TRUE(line) << (line ? "" : line.error().text);
  return line.value_or(CommandLine{});
}

TEST(CommandLine, OptionsBecomeConfLines) {
  EXPECT_EQ(parse({"--port", "7000", "--replicaof", "127.0.0.1", "6379"}).options_text,
            "port \"7000\"\nreplicaof \"127.0.0.1\" \"6379\"\n");
  EXPECT_EQ(parse({"--port 7000", "--hz", "5"}).options_text, "port 7000\nhz \"5\"\n");
  EXPECT_EQ(parse({"--bind", "127.0.0.1", "-::1", "--hz", "5"}).options_text,
            "bind \"127.0.0.1\" \"-::1\"\nhz \"5\"\n");
  EXPECT_EQ(parse({"--requirepass", "--foo", "--hz", "5"}).options_text, "requirepass \"--foo\"\nhz \"5\"\n");
  EXPECT_EQ(parse({"--save", "--port", "1"}).options_text, "save \"\"\nport \"1\"\n");
  EXPECT_EQ(parse({"--save", ""}).options_text, "save \"\"\n");
  EXPECT_EQ(parse({"--port", "1", "--save"}).options_text, "port \"1\"\nsave \"\"\n");
  EXPECT_EQ(parse({"--port"}).options_text, "port\n");
  EXPECT_EQ(parse({"--requirepass", "a \"b"}).options_text, "requirepass \"a \\\"b\"\n");
}

TEST(CommandLine, FileAndStandardInput) {
  EXPECT_EQ(parse({"node.conf", "--port", "1"}).config_file, "/home/x/node.conf");
  EXPECT_EQ(parse({"/etc/node.conf"}).config_file, "/etc/node.conf");
  EXPECT_TRUE(parse({"-"}).from_stdin);
  const auto both = parse({"node.conf", "--loglevel", "verbose", "-"});
  EXPECT_TRUE(both.from_stdin);
  EXPECT_EQ(both.options_text, "loglevel \"verbose\"\n");
  EXPECT_EQ(combined_text("a 1\n", "b 2\n", both), "a 1\n\nb 2\n\nloglevel \"verbose\"\n");
}

TEST(CommandLine, SentinelIsAFlagOrAName) {
  const auto line = parse({"s.conf", "--sentinel", "--port", "5000"});
  EXPECT_TRUE(line.sentinel);
  EXPECT_EQ(line.config_file, "/home/x/s.conf");
  EXPECT_EQ(line.options_text, "port \"5000\"\n");
  EXPECT_TRUE(parse({"s.conf"}, "redis-sentinel").sentinel);
  EXPECT_TRUE(parse({"s.conf"}, "bin/holdfast-sentinel").sentinel);
  EXPECT_FALSE(parse({"s.conf"}, "redis-server").sentinel);
}

TEST(CommandLine, SentinelWithWordsBehindItIsALine) {
  const auto text = [](std::vector<std::string> words) {
    const CommandLine line = parse(std::move(words));
    EXPECT_TRUE(line.sentinel);
    return line.options_text;
  };
  EXPECT_EQ(text({"s.conf", "--sentinel", "announce-ip", "10.0.0.1", "--port", "5000"}),
            "sentinel \"announce-ip\" \"10.0.0.1\"\nport \"5000\"\n");
  EXPECT_EQ(text({"s.conf", "--port", "5000", "--sentinel", "--sentinel", "announce-port", "-1", "--sentinel"}),
            "port \"5000\"\nsentinel \"announce-port\" \"-1\"\n");
  EXPECT_EQ(text({"s.conf", "--sentinel", "-"}), "");
}

TEST(CommandLine, Modes) {
  EXPECT_EQ(parse({"--version"}).mode, Mode::version);
  EXPECT_EQ(parse({"-h"}).mode, Mode::help);
  EXPECT_EQ(parse({"--check-system"}).mode, Mode::check_system);
  EXPECT_EQ(parse({"--test-memory", "10"}).arguments, std::vector<std::string>{"10"});
  EXPECT_EQ(parse({"--check-rdb", "dump.rdb"}).mode, Mode::check_rdb);
  EXPECT_EQ(parse({"dump.rdb"}, "redis-check-rdb").mode, Mode::check_rdb);
  EXPECT_EQ(parse({"--fix", "a.aof"}, "redis-check-aof").arguments, (std::vector<std::string>{"--fix", "a.aof"}));
  EXPECT_FALSE(parse_command_line(std::vector<std::string>{"x", "--check-rdb"}, "/"));
  EXPECT_FALSE(parse_command_line(std::vector<std::string>{"x", "--test-memory", "abc"}, "/"));
  for (const auto& words : {std::vector<std::string>{"--check-config", "n.conf"}, {"n.conf", "--check-config"}}) {
    const auto line = parse(words);
    EXPECT_EQ(line.mode, Mode::check_config);
    EXPECT_EQ(line.config_file, "/home/x/n.conf");
    EXPECT_EQ(line.options_text, "");
  }
}

}  // namespace
}  // namespace holdfast::config
