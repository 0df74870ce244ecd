#include "node/persistence/aof_manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::node {
namespace {

using testing::HasSubstr;

const AofNames kNames;

TEST(AofManifest, FormatsAndParsesTheSameFiles) {
  AofManifest manifest;
  EXPECT_EQ(manifest.replace_base(kNames, true, 0), "appendonly.aof.1.base.rdb");
  EXPECT_EQ(manifest.add_incremental(kNames), "appendonly.aof.1.incr.aof");
  EXPECT_EQ(manifest.format(),
            "file appendonly.aof.1.base.rdb seq 1 type b\n"
            "file appendonly.aof.1.incr.aof seq 1 type i\n");
  const auto parsed = AofManifest::parse(manifest.format());
  ASSERT_TRUE(parsed) << parsed.error().text;
  EXPECT_EQ(*parsed, manifest);
}

TEST(AofManifest, RewriteTurnsWhatItReplacesIntoHistory) {
  AofManifest manifest;
  manifest.replace_base(kNames, true, 0);
  manifest.add_incremental(kNames);
  manifest.add_incremental(kNames);
  manifest.add_incremental(kNames);  // opened by the rewrite that now ends
  EXPECT_EQ(manifest.replace_base(kNames, false, 1), "appendonly.aof.2.base.aof");
  EXPECT_EQ(manifest.format(),
            "file appendonly.aof.2.base.aof seq 2 type b\n"
            "file appendonly.aof.1.base.rdb seq 1 type h\n"
            "file appendonly.aof.1.incr.aof seq 1 type h\n"
            "file appendonly.aof.2.incr.aof seq 2 type h\n"
            "file appendonly.aof.3.incr.aof seq 3 type i\n");
  EXPECT_TRUE(manifest.mentions("appendonly.aof.1.incr.aof"));
  const auto parsed = AofManifest::parse(manifest.format());
  ASSERT_TRUE(parsed);
  EXPECT_EQ(*parsed, manifest);
  manifest.forget_history();
  EXPECT_EQ(manifest.load_order().size(), 2U);
  EXPECT_FALSE(manifest.mentions("appendonly.aof.1.incr.aof"));
}

TEST(AofManifest, NamesOfHistoryAreNotGivenOutAgain) {
  auto manifest = AofManifest::parse(
      "file appendonly.aof.1.base.rdb seq 1 type b\nfile appendonly.aof.2.base.rdb seq 2 type h\n"
      "file appendonly.aof.1.incr.aof seq 1 type h\n");
  ASSERT_TRUE(manifest);
  EXPECT_EQ(manifest->add_incremental({}), "appendonly.aof.2.incr.aof");
  EXPECT_EQ(manifest->replace_base({}, true, 1), "appendonly.aof.3.base.rdb");
}

TEST(AofManifest, HistoryThatIsInUseIsNotRemovable) {
  const auto manifest = AofManifest::parse(
      "file a.2.base.rdb seq 2 type b\nfile a.1.base.rdb seq 1 type h\nfile a.1.incr.aof seq 1 type h\n"
      "file a.1.incr.aof seq 1 type i\n");
  ASSERT_TRUE(manifest);
  EXPECT_THAT(manifest->removable(), testing::ElementsAre(AofFile{"a.1.base.rdb", 1, AofFile::Type::history}));
}

TEST(AofManifest, UpgradeMakesTheOldFileTheBase) {
  AofManifest manifest = AofManifest::upgrade("appendonly.aof");
  EXPECT_EQ(manifest.format(), "file appendonly.aof seq 1 type b\n");
  EXPECT_EQ(manifest.add_incremental(kNames), "appendonly.aof.1.incr.aof");
  EXPECT_EQ(manifest.replace_base(kNames, true, 1), "appendonly.aof.2.base.rdb");
}

TEST(AofManifest, NamesWithSpacesAreQuoted) {
  AofManifest manifest;
  const AofNames names{"my \"log\"\n.aof"};
  manifest.add_incremental(names);
  EXPECT_EQ(manifest.format(), "file \"my \\\"log\\\"\\n.aof.1.incr.aof\" seq 1 type i\n");
  const auto parsed = AofManifest::parse(manifest.format());
  ASSERT_TRUE(parsed) << parsed.error().text;
  EXPECT_EQ(*parsed, manifest);
}

TEST(AofManifest, CommentsUnknownFieldsAndAnyOrderAreAccepted) {
  const auto parsed = AofManifest::parse("# comment\nseq 3 FILE a type i colour red\n");
  ASSERT_TRUE(parsed) << parsed.error().text;
  ASSERT_EQ(parsed->incrementals().size(), 1U);
  EXPECT_EQ(parsed->incrementals()[0], (AofFile{"a", 3, AofFile::Type::incremental}));
}

TEST(AofManifest, MistakesAreReportedWithTheirLine) {
  const auto error = [](std::string_view text) {
    const auto parsed = AofManifest::parse(text);
    return parsed ? std::string("parsed") : parsed.error().text;
  };
  EXPECT_EQ(error(""), "Found an empty AOF manifest");
  EXPECT_EQ(error("file foo seq x type i\n"),
            "Reading the manifest file, at line 1\n>>> 'file foo seq x type i'\nInvalid AOF manifest file format");
  EXPECT_THAT(error("file a seq 1 type b\nfile b seq 2 type b\n"), HasSubstr("at line 2"));
  EXPECT_THAT(error("file a seq 1 type b\nfile b seq 2 type b\n"), HasSubstr("Found duplicate base file information"));
  EXPECT_THAT(error("file a seq 2 type i\nfile b seq 1 type i\n"), HasSubstr("Found a non-monotonic sequence number"));
  EXPECT_THAT(error("file a/b seq 1 type i\n"), HasSubstr("File can't be a path, just a filename"));
  EXPECT_THAT(error("file .. seq 1 type i\n"), HasSubstr("File can't be a path, just a filename"));
  EXPECT_THAT(error("file a seq 1 type z\n"), HasSubstr("Unknown AOF file type"));
  EXPECT_THAT(error("file a seq 1 type b"), HasSubstr("The AOF manifest file contains too long line"));
  EXPECT_THAT(error("file " + std::string(1100, 'a') + " seq 1 type i\n"), HasSubstr("too long line"));
  for (const char* bad : {"\n", "file a seq 1\n", "foo a seq 1 type b\n", "file \"a seq 1 type b\n",
                          "file a seq 0 type b\n", "file a seq -1 type b\n", "file a seq 1 type b x\n"}) {
    EXPECT_THAT(error(bad), HasSubstr("Invalid AOF manifest file format")) << bad;
  }
}

}  // namespace
}  // namespace holdfast::node
