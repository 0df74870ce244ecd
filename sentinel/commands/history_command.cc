#include <fmt/format.h>

#include "sentinel/commands/handlers.h"

namespace holdfast::sentinel {

namespace {

// To the microsecond, which is what the file of records keeps too.
std::string milliseconds(Nanos value) {
  const auto microseconds = std::chrono::duration_cast<Micros>(value).count();
  return fmt::format("{:.3f}", static_cast<double>(microseconds) / 1e3);
}

void write_candidate(const CandidateVerdict& candidate, resp::Writer& reply) {
  reply.map(6);
  reply.bulk("ip");
  reply.bulk(candidate.address.host);
  reply.bulk("port");
  reply.bulk_integer(candidate.address.port);
  reply.bulk("runid");
  reply.bulk(candidate.run_id);
  reply.bulk("slave-priority");
  reply.bulk_integer(candidate.priority);
  reply.bulk("slave-repl-offset");
  reply.bulk(fmt::format("{}", candidate.offset));
  reply.bulk("verdict");
  reply.bulk(candidate.verdict);
}

void write_record(const FailoverRecord& record, resp::Writer& reply) {
  const std::pair<std::string_view, std::string> fields[] = {
      {"name", record.primary},
      {"epoch", fmt::format("{}", record.epoch.value)},
      {"role", record.leader ? "leader" : "observer"},
      {"trigger", record.trigger},
      {"result", record.result},
      {"attempts", fmt::format("{}", record.attempts)},
      {"old-ip", record.from.host},
      {"old-port", fmt::format("{}", record.from.port)},
      {"new-ip", record.to ? record.to->host : ""},
      {"new-port", record.to ? fmt::format("{}", record.to->port) : ""},
      {"started-unix-ms", fmt::format("{}", record.started_unix_ms)},
      {"duration-ms", milliseconds(record.duration)},
      {"unavailable-ms", record.unavailable ? milliseconds(*record.unavailable) : ""},
  };
  reply.map(std::size(fields) + 2);
  for (const auto& [name, value] : fields) {
    reply.bulk(name);
    reply.bulk(value);
  }
  reply.bulk("phases");
  reply.map(record.phases.size());
  for (const auto& phase : record.phases) {
    reply.bulk(phase.name);
    reply.bulk(milliseconds(phase.at));
  }
  reply.bulk("candidates");
  reply.array(record.candidates.size());
  for (const CandidateVerdict& candidate : record.candidates) write_candidate(candidate, reply);
}

}  // namespace

void failover_history_command(Context& context) {
  if (!context.host.core().knows(context.args[2])) return context.reply.error("ERR No such master with that name");
  const auto records = context.host.failover_history(context.args[2]);
  context.reply.array(records.size());
  for (const FailoverRecord& record : records) write_record(record, context.reply);
}

}  // namespace holdfast::sentinel
