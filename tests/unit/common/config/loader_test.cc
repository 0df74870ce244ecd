#include "common/config/loader.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "common/config/server_options.h"
#include "tests/support/faulty_file_system.h"

namespace holdfast::config {
namespace {

using test::FaultyFileSystem;

class LoaderTest : public ::testing::Test {
 protected:
  LoaderTest() { add_server_rows(registry, options); }
  LoadReport load_text(std::string_view text) { return load(text, registry, fs); }
  // The reason of the first mistake, with its line.
  std::string mistake(std::string_view text) {
    const auto report = load_text(text);
    return report.ok() ? "none" : fmt::format("{}: {}", report.errors[0].line, report.errors[0].reason);
  }

  FaultyFileSystem fs;
  ServerOptions options;
  Registry registry;
};

TEST_F(LoaderTest, ReadsDirectivesInAnyCaseAndTheLastWins) {
  EXPECT_TRUE(load_text("# comment\r\n\n  PORT 7000\r\nhz 20\n\thz\t30\n\"timeout\" '5'\n").ok());
  EXPECT_EQ(options.port, 7000);
  EXPECT_EQ(options.hz, 30);
  EXPECT_EQ(options.timeout, std::chrono::seconds(5));
}

TEST_F(LoaderTest, EachMistakeHasRedisReasonAndLine) {
  EXPECT_EQ(mistake("port 1\nfoo bar"), "2: Bad directive or wrong number of arguments");
  EXPECT_EQ(mistake("\n\nport"), "3: wrong number of arguments");
  EXPECT_EQ(mistake("port 1 2"), "1: wrong number of arguments");
  EXPECT_EQ(mistake("port 1 # why"), "1: wrong number of arguments");
  EXPECT_EQ(mistake("port 65536"), "1: argument must be between 0 and 65535 inclusive");
  EXPECT_EQ(mistake("hz zz"), "1: argument couldn't be parsed into an integer");
  EXPECT_EQ(mistake("daemonize maybe"), "1: argument must be 'yes' or 'no'");
  EXPECT_EQ(mistake("unixsocketperm 888"), "1: argument couldn't be parsed as an octal number");
  EXPECT_EQ(mistake("unixsocketperm 1777"), "1: argument must be between 0 and 777 inclusive");
  EXPECT_EQ(mistake("hz \"1"), "1: Unbalanced quotes in configuration line");
  EXPECT_EQ(mistake("include a b"), "1: Bad directive or wrong number of arguments");
  EXPECT_EQ(mistake("rename-command a"), "1: Bad directive or wrong number of arguments");
  EXPECT_EQ(mistake("user"), "1: Bad directive or wrong number of arguments");
  EXPECT_EQ(mistake("loadmodule /x.so"), "1: loadmodule is not supported: Holdfast loads no modules");
}

TEST_F(LoaderTest, CollectsAllMistakesInOrder) {
  const auto report = load_text("zz 1\nport x\nmaxclient 5\nhz y\n");
  ASSERT_EQ(report.errors.size(), 4u);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(report.errors[i].line, i + 1);
  EXPECT_EQ(report.errors[2].suggestion, "maxclients");
  EXPECT_EQ(check_report(report, "/etc/n.conf"),
            "/etc/n.conf:1: error: Bad directive or wrong number of arguments ('zz 1')" +
                (report.errors[0].suggestion ? fmt::format("; did you mean '{}'?", *report.errors[0].suggestion) : "") +
                "\n/etc/n.conf:2: error: argument couldn't be parsed into an integer ('port x')\n"
                "/etc/n.conf:3: error: Bad directive or wrong number of arguments ('maxclient 5'); did you mean "
                "'maxclients'?\n"
                "/etc/n.conf:4: error: argument couldn't be parsed into an integer ('hz y')\n"
                "The configuration has 4 errors.\n");
}

TEST_F(LoaderTest, FatalBlockHasRedisShape) {
  EXPECT_EQ(fatal_block(load_text("port 1\n  foo bar \n").errors.at(0)),
            "\n*** FATAL CONFIG FILE ERROR (Redis 7.0.15) ***\n"
            "Reading the configuration file, at line 2\n"
            ">>> 'foo bar'\n"
            "Bad directive or wrong number of arguments\n");
}

TEST_F(LoaderTest, SensitiveValuesAreNotShown) {
  const auto report = load_text("requirepass secret1 secret2\nRequirepass \"secret3\ntls-key-file-pass a secret4");
  ASSERT_EQ(report.errors.size(), 3u);
  EXPECT_EQ((check_report(report, "x") + fatal_block(report.errors[0])).find("secret"), std::string::npos);
  ASSERT_TRUE(load_text("requirepass secret5").ok());
  EXPECT_EQ(options.requirepass, "secret5");
  EXPECT_EQ(print_config(registry).find("secret5"), std::string::npos);
}

TEST_F(LoaderTest, IncludesFilesWhereTheyStand) {
  fs.put("a.conf", "port 1\nhz 5\n");
  EXPECT_TRUE(load_text("port 9\ninclude a.conf\nhz 6\n").ok());
  EXPECT_EQ(options.port, 1);
  EXPECT_EQ(options.hz, 6);
}

TEST_F(LoaderTest, MistakesInIncludedFilesNameTheirOwnLine) {
  fs.put("a.conf", "port 1\nhz x\n");
  const auto report = load_text("include a.conf\n");
  ASSERT_EQ(report.errors.size(), 1u);
  EXPECT_EQ(report.errors[0].file, "a.conf");
  EXPECT_EQ(report.errors[0].line, 2);
}

TEST_F(LoaderTest, MissingLiteralIncludeIsFatal) {
  const auto report = load_text("include /nope.conf\n");
  ASSERT_EQ(report.errors.size(), 1u);
  EXPECT_EQ(fatal_block(report.errors[0]),
            "Fatal error, can't open config file '/nope.conf': No such file or directory\n");
}

TEST_F(LoaderTest, IncludeGlobTakesMatchesInOrderAndMayMatchNothing) {
  EXPECT_TRUE(load_text("include /nope/*.conf\n").ok());
  ASSERT_TRUE(fs.make_directory("/d"));
  fs.put("/d/2.conf", "port 2\n");
  fs.put("/d/1.conf", "port 1\n");
  fs.put("/d/3.txt", "port 3\n");
  EXPECT_TRUE(load_text("include /d/*.conf\n").ok());
  EXPECT_EQ(options.port, 2);
}

TEST_F(LoaderTest, IncludeOfItselfEnds) {
  fs.put("a.conf", "include a.conf\n");
  EXPECT_EQ(mistake("include a.conf\n"), "1: too many nested includes");
}

TEST_F(LoaderTest, MultipleWordsMayStandInOneQuotedWord) {
  EXPECT_TRUE(load_text("bind \"1.2.3.4 5.6.7.8\"\noom-score-adj-values \"0 1 2\"\n"
                        "client-output-buffer-limit \"normal 1 2 3\"\n")
                  .ok());
  EXPECT_EQ(options.bind, (std::vector<std::string>{"1.2.3.4", "5.6.7.8"}));
  EXPECT_EQ(options.oom_score_adj_values, (std::vector<int>{0, 1, 2}));
  EXPECT_EQ(options.output_buffer_limit(ClientClass::normal).hard_bytes, 1u);
}

TEST_F(LoaderTest, KeepsUsersAndRenamedCommands) {
  EXPECT_TRUE(load_text("user default on nopass ~* &* +@all\nuser app on \">x y\" ~app:* -@all +get\n"
                        "rename-command config \"\"\n")
                  .ok());
  ASSERT_EQ(options.users.size(), 2u);
  EXPECT_EQ(options.users[1], (Words{"app", "on", ">x y", "~app:*", "-@all", "+get"}));
  EXPECT_EQ(options.renamed_commands, (std::vector<std::pair<std::string, std::string>>{{"config", ""}}));
}

TEST_F(LoaderTest, WorkingFolderMustExist) {
  EXPECT_EQ(mistake("port 1\ndir /nonexistent\n"), "2: No such file or directory");
  EXPECT_EQ(mistake("dir \"\"\n"), "1: No such file or directory");
  ASSERT_TRUE(fs.make_directory("/d"));
  EXPECT_TRUE(load_text("dir /nonexistent\ndir /d\n").ok());
  EXPECT_EQ(options.dir, "/d");
}

TEST_F(LoaderTest, WarnsOfOptionsWithoutEffect) {
  const auto report = load_text("always-show-logo yes\n");
  EXPECT_TRUE(report.ok());
  ASSERT_EQ(report.warnings.size(), 1u);
  EXPECT_EQ(report.warnings[0].line, 1);
}

TEST_F(LoaderTest, PrintedConfigLoadsToTheSameValues) {
  ASSERT_TRUE(load_text("port 7000\nbind 127.0.0.1 -::1\nclient-output-buffer-limit replica 1mb 2mb 3\n"
                        "proc-title-template \"a b\"\nhttp-port 9000\n")
                  .ok());
  ServerOptions again;
  Registry other;
  add_server_rows(other, again);
  ASSERT_TRUE(load(print_config(registry), other, fs).ok());
  for (const auto& option : registry.options()) {
    EXPECT_EQ(other.find(option->name())->get(), option->get()) << option->name();
  }
}

TEST_F(LoaderTest, RandomBytesAreMistakesNotCrashes) {
  uint32_t state = 12345;
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (int i = 0; i < 200; ++i) {
      state = state * 1664525 + 1013904223;
      text += static_cast<char>(state >> 24);
    }
    // Every line that is not blank or a comment is a mistake: no directive is spelt by these bytes.
    for (const auto& error : load_text(text).errors) EXPECT_GE(error.line, 1);
  }
}

}  // namespace
}  // namespace holdfast::config
