// From a client's request to the row that answers it: unknown commands, arity, authentication, permissions, what a
// RESP2 subscriber may do. Executor thread only. The order of the checks and their words are the reference's.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "common/access/catalog.h"
#include "common/command/command_table.h"
#include "common/server/command_context.h"
#include "common/server/server.h"
#include "sentinel/commands/host.h"

namespace holdfast::sentinel {

// What INFO's stats section counts beside the server's own numbers.
struct DispatchStats {
  uint64_t commands = 0;
  uint64_t error_replies = 0;
  // Over the time between the last two calls of Dispatcher::sample_rates.
  double commands_per_second = 0;
  double input_kbps = 0;
  double output_kbps = 0;
};

struct Context : server::CommandContext {
  Host& host;
  const DispatchStats& stats;
};

using CommandRow = command::CommandRow<Context>;

class Dispatcher final : public server::RequestHandler {
 public:
  explicit Dispatcher(Host& host);

  // Before the first request: the server that its commands work on.
  void attach(server::Server& server);

  // rename-command; "" switches the command off. False: no such command, or the new name is taken.
  bool rename(std::string_view from, std::string_view to) { return table_.rename(from, to); }

  server::Outcome handle(server::Session& session, std::span<const std::string_view> args) override;
  // The held requests are taken up again: call it when Host::catching_up() has become false.
  void resume_held();
  std::string_view mode() const override { return "sentinel"; }

  const command::CommandTable<Context>& table() const { return table_; }
  const DispatchStats& stats() const { return stats_; }
  // Called about once a second.
  void sample_rates(Instant now);

 private:
  using Entry = command::CommandTable<Context>::Entry;

  // The row for a request, or null with the error in the reply.
  Entry* find(server::Session& session, std::span<const std::string_view> args);
  bool permitted(server::Session& session, Entry& entry, std::span<const std::string_view> args);
  bool must_wait(const server::Session& session, const Entry& entry) const;
  void reject(server::Session& session, Entry* entry, std::string_view error);

  Host& host_;
  server::Server* server_ = nullptr;
  command::CommandTable<Context> table_;
  std::optional<access::Catalog> catalog_;  // of the table before any renaming
  DispatchStats stats_;
  std::vector<uint64_t> held_;  // sessions
  struct Sample {
    Instant at;
    uint64_t commands = 0, input_bytes = 0, output_bytes = 0;
  };
  Sample last_sample_;
};

}  // namespace holdfast::sentinel
