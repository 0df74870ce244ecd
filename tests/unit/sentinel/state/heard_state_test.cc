// Whatever hellos and INFO tell, what is saved reads back: a file that cannot be written any more would end all elections,
// and one that cannot be read the sentinel itself.
#include "common/hello/hello.h"
#include "sentinel/state/state_store.h"
#include "tests/support/faulty_file_system.h"
#include "tests/unit/sentinel/core/harness.h"

namespace holdfast::sentinel::test {
namespace {

using namespace std::chrono_literals;

const std::array<std::string, 16> kHosts = {"10.0.0.9", "::1", "nohost", "a b", "\"", "a\"b", "'", "a\nb", "\\", "#", "%", "fe80::1%eth0",
                                            "host.with.dots", std::string(300, 'a'), "\xff\x01", "*"};

class HeardState : public testing::TestWithParam<bool> {};

TEST_P(HeardState, ReadsBack) {
  holdfast::test::FaultyFileSystem files;
  constexpr const char* kPath = "sentinel.conf";
  PersistentState state = usual_state();
  state.globals.resolve_hostnames = GetParam();
  files.put(kPath, fmt::format("sentinel resolve-hostnames {}\nsentinel monitor mymaster 10.0.0.1 6379 2\n", GetParam() ? "yes" : "no"));
  ConfigFileStore store{files, kPath};
  ASSERT_TRUE(store.load());
  SeededRandom random(1);
  UsualHarness harness(std::move(state));
  const auto any_host = [&] { return kHosts[random.below(kHosts.size())]; };
  for (uint64_t epoch = 5; epoch < 300; ++epoch) {
    const Hello hello{.sentinel = {any_host(), static_cast<uint16_t>(random.below(65536))},
                      .run_id = id(static_cast<char>('b' + random.below(5))),
                      .current_epoch = epoch,
                      .primary_name = "mymaster",
                      .primary = {any_host(), static_cast<uint16_t>(random.below(65536))},
                      .config_epoch = random.below(3) == 0 ? epoch : 0};
    harness.perform(harness.core.hello_published(format_hello(hello), harness.now));
    FakeServer& primary = harness.server(*harness.core.primary_address("mymaster"));
    primary.is_primary = true;
    primary.replicas.push_back({any_host(), static_cast<uint16_t>(random.below(65536))});
    harness.run_for(random.below(4) == 0 ? 11s : 10ms);
    ASSERT_TRUE(store.save(harness.core.persistent_state())) << format_hello(hello);
    const auto again = ConfigFileStore{files, kPath}.load();
    ASSERT_TRUE(again) << format_hello(hello) << again.error().text;
    EXPECT_EQ(again->primaries[0].address, *harness.core.primary_address("mymaster"));
  }
}

INSTANTIATE_TEST_SUITE_P(Names, HeardState, testing::Bool(),
                         [](const auto& info) { return info.param ? "Resolved" : "NotResolved"; });

}  // namespace
}  // namespace holdfast::sentinel::test
