// DUMP and RESTORE: a value as a payload that another server, or a later one, reads.
#include "node/commands/arguments.h"
#include "node/commands/handlers.h"
#include "node/commands/node.h"
#include "node/persistence/dump_payload.h"

namespace holdfast::node::handlers {
namespace {

struct RestoreOptions {
  bool replace = false;
  bool absolute = false;
  std::optional<int64_t> idle_seconds;
  std::optional<int64_t> frequency;
};

// False when answered.
bool parse_restore(Call& call, RestoreOptions& options) {
  constexpr size_t kFirst = 4;
  for (size_t i = kFirst; i < call.argc(); ++i) {
    const bool has_value = i + 1 < call.argc();
    if (iequals(call.args[i], "REPLACE")) {
      options.replace = true;
    } else if (iequals(call.args[i], "ABSTTL")) {
      options.absolute = true;
    } else if (iequals(call.args[i], "IDLETIME") && has_value && !options.frequency) {
      options.idle_seconds = read_integer(call, call.args[++i]);
      if (!options.idle_seconds) return false;
      if (*options.idle_seconds < 0) {
        call.reply.error("ERR Invalid IDLETIME value, must be >= 0");
        return false;
      }
    } else if (iequals(call.args[i], "FREQ") && has_value && !options.idle_seconds) {
      options.frequency = read_integer(call, call.args[++i]);
      if (!options.frequency) return false;
      if (*options.frequency < 0 || *options.frequency > 255) {
        call.reply.error("ERR Invalid FREQ value, must be >= 0 and <= 255");
        return false;
      }
    } else {
      call.reply.error(kSyntaxError);
      return false;
    }
  }
  return true;
}

// As the log and the replicas get it: with the time at which the key expires, not with what is left.
void rewrite_absolute(Call& call, int64_t expires_ms) {
  std::vector<std::string> words(call.args.begin(), call.args.end());
  words[2] = fmt::format_int(expires_ms).str();
  words.emplace_back("ABSTTL");
  call.rewrite(std::move(words));
}

}  // namespace

void dump(Call& call) {
  const Entry* entry = call.keys.read(call.db(), call.args[1]);
  if (entry == nullptr) return call.reply.null();
  call.reply.bulk(dump_payload(entry->value(), call.node.config().rdb_compression));
}

void restore(Call& call) {
  const std::string_view key = call.args[1];
  RestoreOptions options;
  if (!parse_restore(call, options)) return;
  const bool exists = call.keys.find(call.db(), key) != nullptr;
  if (exists && !options.replace) return call.reply.error("BUSYKEY Target key name already exists.");
  const auto ttl = read_integer(call, call.args[2]);
  if (!ttl) return;
  if (*ttl < 0) return call.reply.error("ERR Invalid TTL value, must be >= 0");
  const auto check = call.node.debug().payload_checksums ? PayloadCheck::full : PayloadCheck::version_only;
  Result<Value> value = restore_payload(call.args[3], call.node.config().encodings, check);
  if (!value) return call.reply.error(value.error().text);

  if (*ttl == 0) {
    call.keys.set(call.db(), key, std::move(*value));
  } else {
    // A relative time past the end of the numbers wraps into the past, as Redis's does.
    const int64_t expires_ms =
        options.absolute ? *ttl
                         : static_cast<int64_t>(static_cast<uint64_t>(*ttl) + static_cast<uint64_t>(call.now_ms()));
    if (already_expired(call, expires_ms)) {
      if (exists) {
        call.keys.erase(call.db(), key);
        call.rewrite({delete_command(call.node.config().lazyfree_expire), key});
        call.notify(kNotifyGeneric, "del", key);
      }
      return call.reply.ok();
    }
    call.keys.set(call.db(), key, std::move(*value), from_unix_ms(expires_ms));
    if (!options.absolute) rewrite_absolute(call, expires_ms);
  }
  if (options.idle_seconds) call.keys.set_idle(call.db(), key, *options.idle_seconds);
  if (options.frequency) call.keys.set_frequency(call.db(), key, static_cast<uint8_t>(*options.frequency));
  call.notify(kNotifyGeneric, "restore", key);
  call.reply.ok();
}

}  // namespace holdfast::node::handlers
