#include "common/process/title.h"

#include <gtest/gtest.h>

namespace holdfast::process {
namespace {

TitleFacts facts() {
  return {.listen_address = "127.0.0.1:6379",
          .mode = "",
          .port = 6379,
          .tls_port = 0,
          .unix_socket = "/run/s",
          .config_file = "/etc/redis.conf"};
}

TEST(ProcessTitle, FillsInEveryVariable) {
  EXPECT_EQ(title_from("X {title} {listen-addr} {port} {tls-port} {unixsocket} {config-file} Y", "bin/node", facts()),
            "X bin/node 127.0.0.1:6379 6379 0 /run/s /etc/redis.conf Y");
}

TEST(ProcessTitle, EndsWithoutSpaces) {
  EXPECT_EQ(title_from("{title} {listen-addr} {server-mode}", "node", facts()), "node 127.0.0.1:6379");
}

TEST(ProcessTitle, NothingIsWrittenBeforeThereIsRoom) {
  set_title("a title");
  EXPECT_EQ(started_as(), "");
}

}  // namespace
}  // namespace holdfast::process
