#include "common/config/registry.h"

#include <gtest/gtest.h>

#include "common/config/server_options.h"

namespace holdfast::config {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

class RegistryTest : public testing::Test {
 protected:
  RegistryTest() {
    add_server_rows(registry, options);
    registry.check_rows();
  }
  std::string set(const Pairs& pairs, bool protected_allowed = false) {
    const auto done = registry.set(pairs, protected_allowed);
    return done ? "OK" : done.error().text;
  }
  std::string get(const std::string& name) {
    const auto found = registry.get(std::vector<std::string>{name});
    return found.size() == 1 ? found[0].second : fmt::format("({} values)", found.size());
  }
  std::string reason(const std::string& name, const std::string& value) {
    const std::string text = set({{name, value}}, true);
    const std::string start = fmt::format("ERR CONFIG SET failed (possibly related to argument '{}') - ", name);
    return text.starts_with(start) ? text.substr(start.size()) : text;
  }

  ServerOptions options;
  Registry registry;
};

TEST_F(RegistryTest, GetAnswersGlobsAndExactNames) {
  const auto found = registry.get(std::vector<std::string>{"tls-session-*", "HZ", "hz", "unknown"});
  const std::vector<std::pair<std::string, std::string>> expected = {{"tls-session-caching", "yes"},
                                                                     {"tls-session-cache-size", "20480"},
                                                                     {"tls-session-cache-timeout", "300"},
                                                                     {"HZ", "10"}};
  EXPECT_EQ(found, expected);
}

TEST_F(RegistryTest, GetHidesDirectivesThatAreNoOptions) {
  EXPECT_EQ(get("user"), "(0 values)");
  EXPECT_EQ(get("loadmodule"), "(0 values)");
  EXPECT_EQ(get("include"), "(0 values)");
}

TEST_F(RegistryTest, ShowsValuesAsRedisDoes) {
  EXPECT_EQ(get("client-output-buffer-limit"), "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60");
  EXPECT_EQ(get("bind"), "* -::*");
  EXPECT_EQ(get("latency-tracking-info-percentiles"), "50 99 99.9");
  EXPECT_EQ(get("shutdown-on-sigterm"), "default");
  EXPECT_EQ(get("oom-score-adj-values"), "0 200 800");
  EXPECT_EQ(get("proto-max-bulk-len"), "536870912");
  EXPECT_EQ(get("maxmemory-clients"), "0");
  EXPECT_EQ(get("unixsocketperm"), "0");
}

TEST_F(RegistryTest, SetReadsEveryType) {
  EXPECT_EQ(set({{"maxclients", "77"}, {"client-query-buffer-limit", "2mb"}, {"maxmemory-clients", "5%"}}), "OK");
  EXPECT_EQ(options.maxclients, 77u);
  EXPECT_EQ(options.client_query_buffer_limit, 2u << 20);
  EXPECT_EQ(get("maxmemory-clients"), "5%");
  EXPECT_EQ(set({{"shutdown-on-sigterm", "force now"}, {"loglevel", "DEBUG"}, {"timeout", "30"}}), "OK");
  EXPECT_EQ(get("shutdown-on-sigterm"), "now force");
  EXPECT_EQ(options.loglevel, log::Level::debug);
  EXPECT_EQ(options.timeout, std::chrono::seconds(30));
  EXPECT_EQ(set({{"client-output-buffer-limit", "normal 1 2 3 replica 1mb 2mb 3"}}), "OK");
  EXPECT_EQ(get("client-output-buffer-limit"), "normal 1 2 3 slave 1048576 2097152 3 pubsub 33554432 8388608 60");
  EXPECT_EQ(set({{"latency-tracking-info-percentiles", "50.0 99.123456789 0"}}), "OK");
  EXPECT_EQ(get("latency-tracking-info-percentiles"), "50 99.123457 0");
  EXPECT_EQ(set({{"hz", "1000"}}), "OK");
  EXPECT_EQ(options.hz, 500);
}

TEST_F(RegistryTest, ReasonsAreRedisReasons) {
  EXPECT_EQ(reason("maxclients", "abc"), "argument couldn't be parsed into an integer");
  EXPECT_EQ(reason("maxclients", "0"), "argument must be between 1 and 4294967295 inclusive");
  EXPECT_EQ(reason("hz", "010"), "argument couldn't be parsed into an integer");
  EXPECT_EQ(reason("protected-mode", "maybe"), "argument must be 'yes' or 'no'");
  EXPECT_EQ(reason("client-query-buffer-limit", "1x"), "argument must be a memory value");
  EXPECT_EQ(reason("client-query-buffer-limit", "1kb"),
            "argument must be between 1048576 and 9223372036854775807 inclusive");
  EXPECT_EQ(reason("maxmemory-clients", "101%"), "percentage argument must be less or equal to 100");
  EXPECT_EQ(reason("maxmemory-clients", "-1"), "argument must be a memory or percent value");
  EXPECT_EQ(reason("loglevel", "foo"), "argument(s) must be one of the following: debug, verbose, notice, warning");
  EXPECT_EQ(reason("oom-score-adj", "x"), "argument(s) must be one of the following: no, yes, relative, absolute");
  EXPECT_EQ(reason("oom-score-adj-values", "1 2"), "wrong number of arguments");
  EXPECT_EQ(reason("oom-score-adj-values", "1 2 9999"),
            "Invalid oom-score-adj-values, elements must be between -2000 and 2000.");
  EXPECT_EQ(reason("shutdown-on-sigint", "save nosave"),
            "shutdown options SAVE and NOSAVE can't be used simultaneously");
  EXPECT_EQ(reason("shutdown-on-sigint", ""),
            "argument(s) must be one of the following: default, save, nosave, now, force");
  EXPECT_EQ(reason("client-output-buffer-limit", "normal 1 2"),
            "Wrong number of arguments in buffer limit configuration.");
  EXPECT_EQ(reason("client-output-buffer-limit", "foo 0 0 0"),
            "Invalid client class specified in buffer limit configuration.");
  EXPECT_EQ(reason("client-output-buffer-limit", "normal 0 0 -1"),
            "Error in hard, soft or soft_seconds setting in buffer limit configuration.");
  EXPECT_EQ(reason("latency-tracking-info-percentiles", "x"), "Invalid latency-tracking-info-percentiles parameters");
  EXPECT_EQ(reason("latency-tracking-info-percentiles", "101"),
            "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]");
  EXPECT_EQ(reason("proc-title-template", "{foo}"), "template format is invalid or contains unknown variables");
  EXPECT_EQ(reason("bind", "a b c d e f g h i j k l m n o p q"), "Too many bind addresses specified.");
}

TEST_F(RegistryTest, SetRefusesInRedisWords) {
  EXPECT_EQ(set({{"port", "abc"}, {"foo", "2"}}), "ERR Unknown option or number of arguments for CONFIG SET - 'foo'");
  EXPECT_EQ(set({{"user", "x"}}), "ERR Unknown option or number of arguments for CONFIG SET - 'user'");
  EXPECT_EQ(set({{"hz", "5"}, {"daemonize", "yes"}}),
            "ERR CONFIG SET failed (possibly related to argument 'daemonize') - can't set immutable config");
  EXPECT_EQ(set({{"dir", "/tmp"}}),
            "ERR CONFIG SET failed (possibly related to argument 'dir') - can't set protected config");
  EXPECT_EQ(set({{"dir", "/tmp"}}, true), "OK");
  EXPECT_EQ(set({{"maxclients", "1"}, {"MAXCLIENTS", "2"}}),
            "ERR CONFIG SET failed (possibly related to argument 'MAXCLIENTS') - duplicate parameter");
  EXPECT_EQ(options.hz, 10);
}

TEST_F(RegistryTest, SetIsAllOrNothing) {
  EXPECT_EQ(set({{"maxclients", "5"}, {"hz", "20"}, {"timeout", "x"}}),
            "ERR CONFIG SET failed (possibly related to argument 'timeout') - argument couldn't be parsed into an "
            "integer");
  EXPECT_EQ(options.maxclients, 10000u);
  EXPECT_EQ(options.hz, 10);
}

TEST_F(RegistryTest, AppliesOnceAfterAllAreStored) {
  int calls = 0;
  registry.on_change({"port", "tls-port"}, [&]() -> Result<> {
    ++calls;
    EXPECT_EQ(options.port, 1);
    EXPECT_EQ(options.tls_port, 2);
    EXPECT_EQ(options.hz, 3);
    return {};
  });
  EXPECT_EQ(set({{"port", "1"}, {"tls-port", "2"}, {"hz", "3"}}), "OK");
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(set({{"port", "1"}, {"maxclients", "4"}}), "OK");  // the port is as it was: nothing to apply
  EXPECT_EQ(calls, 1);
}

TEST_F(RegistryTest, FailedApplyRestoresAndAppliesAgain) {
  std::vector<uint32_t> applied;
  registry.on_change({"maxclients"}, [&]() -> Result<> {
    applied.push_back(options.maxclients);
    return {};
  });
  registry.on_change({"port"}, [&]() -> Result<> {
    if (options.port == 1) return fail("Unable to listen on this port. Check server logs.");
    return {};
  });
  EXPECT_EQ(set({{"maxclients", "5"}, {"port", "1"}}),
            "ERR CONFIG SET failed (possibly related to argument 'port') - Unable to listen on this port. Check "
            "server logs.");
  EXPECT_EQ(applied, (std::vector<uint32_t>{5, 10000}));
  EXPECT_EQ(options.port, 6379);
  EXPECT_EQ(options.maxclients, 10000u);
}

TEST_F(RegistryTest, LaterVersionsNamesAreReadAndNotListed) {
  EXPECT_EQ(get("server-cpulist"), "");
  EXPECT_EQ(registry.get(std::vector<std::string>{"*server?cpulist*"}).size(), 1u);
}

TEST_F(RegistryTest, SomeOptionsStayWhileTheDataSetLoads) {
  const auto set_loading = [&](const Pairs& pairs) {
    const auto done = registry.set(pairs, true, true);
    return done ? "OK" : done.error().text;
  };
  const std::string level = get("loglevel") == "debug" ? "notice" : "debug";
  EXPECT_EQ(set_loading({{"loglevel", level}, {"dir", "."}}), "LOADING Redis is loading the dataset in memory");
  EXPECT_NE(get("loglevel"), level);
  EXPECT_EQ(set_loading({{"loglevel", level}}), "OK");
  EXPECT_EQ(get("loglevel"), level);
}

TEST_F(RegistryTest, GuessesWhatWasMeant) {
  EXPECT_EQ(registry.did_you_mean("maxclient"), "maxclients");
  EXPECT_EQ(registry.did_you_mean("loglevle"), "loglevel");
  EXPECT_EQ(registry.did_you_mean("completely-different-thing"), std::nullopt);
}

}  // namespace
}  // namespace holdfast::config
