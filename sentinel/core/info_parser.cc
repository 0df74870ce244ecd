#include "sentinel/core/info_parser.h"

#include <algorithm>

#include "common/base/text.h"

namespace holdfast::sentinel {

namespace {

std::optional<uint16_t> parse_port(std::string_view text) {
  const auto value = parse_uint64(text);
  if (!value || *value == 0 || *value > 65535) return std::nullopt;
  return static_cast<uint16_t>(*value);
}

// "ip=10.0.0.1,port=6380,state=online,offset=14,lag=0", or before 2.8 "10.0.0.1,6380,online".
std::optional<Endpoint> parse_replica(std::string_view value) {
  const auto fields = split(value, ',');
  std::string_view host;
  std::optional<uint16_t> port;
  if (value.starts_with("ip=")) {
    for (const auto field : fields) {
      if (field.starts_with("ip=")) host = field.substr(3);
      if (field.starts_with("port=")) port = parse_port(field.substr(5));
    }
  } else if (fields.size() >= 2) {
    host = fields[0];
    port = parse_port(fields[1]);
  }
  if (host.empty() || !port) return std::nullopt;
  return Endpoint{std::string(host), *port};
}

// "7.0.15"
bool is_since_6_2(std::string_view version) {
  const auto parts = split(version, '.');
  const auto major = parse_uint64(parts[0]);
  const auto minor = parts.size() > 1 ? parse_uint64(parts[1]) : 0;
  return major && minor && (*major > 6 || (*major == 6 && *minor >= 2));
}

// The word and a number: "slave0", "db15".
bool is_numbered(std::string_view key, std::string_view word) {
  return key.size() > word.size() && key.starts_with(word) &&
         std::all_of(key.begin() + static_cast<ptrdiff_t>(word.size()), key.end(),
                     [](char c) { return c >= '0' && c <= '9'; });
}

bool is_replica_line(std::string_view key) { return is_numbered(key, "slave"); }
bool is_database_line(std::string_view key) { return is_numbered(key, "db"); }

void parse_field(NodeInfo& info, std::string_view key, std::string_view value) {
  if (key == "run_id") {
    info.run_id = RunId::parse(value);
  } else if (key == "redis_version") {
    info.can_hand_over |= is_since_6_2(value);
  } else if (key == "holdfast_version") {
    info.can_hand_over = true;
  } else if (key == "role") {
    if (value == "master") info.role = Role::primary;
    if (value == "slave") info.role = Role::replica;
  } else if (is_replica_line(key)) {
    if (auto replica = parse_replica(value)) info.replicas.push_back(std::move(*replica));
  } else if (key == "master_host") {
    info.primary.host = value;
  } else if (key == "master_port") {
    info.primary.port = parse_port(value).value_or(0);
  } else if (key == "master_link_status") {
    info.link_up = iequals(value, "up");
  } else if (key == "master_link_down_since_seconds") {
    const auto seconds = parse_int64(value);
    // Bounded so that no later arithmetic on it can overflow.
    if (seconds && *seconds >= 0) info.link_down_for = Seconds(std::min<int64_t>(*seconds, int64_t{1} << 30));
  } else if (key == "slave_priority") {
    if (const auto priority = parse_int64(value)) {
      info.priority = static_cast<int32_t>(std::clamp<int64_t>(*priority, INT32_MIN, INT32_MAX));
    }
  } else if (key == "slave_repl_offset") {
    info.offset = parse_uint64(value).value_or(0);
  } else if (key == "master_repl_offset") {
    info.primary_offset = parse_uint64(value).value_or(0);
  } else if (key == "master_replid") {
    info.replication_id = RunId::parse(value);
  } else if (key == "master_replid2") {
    info.previous_id = RunId::parse(value);
    if (info.previous_id && info.previous_id->is_zero()) info.previous_id.reset();
  } else if (key == "second_repl_offset") {
    info.fork_offset = parse_uint64(value).value_or(0);
  } else if (key == "loading") {
    info.loading = value != "0";
  } else if (key == "rdb_last_load_keys_loaded") {
    info.keys_loaded = parse_uint64(value);
  } else if (key == "aof_enabled") {
    info.logs_writes = value != "0";
  } else if (is_database_line(key) && value.starts_with("keys=")) {
    const auto keys = value.substr(5);
    info.keys += std::min<uint64_t>(parse_uint64(keys.substr(0, keys.find(','))).value_or(0), uint64_t{1} << 48);
  } else if (key == "replica_announced") {
    info.announced = value != "0";
  }
}

}  // namespace

NodeInfo parse_info(std::string_view text) {
  NodeInfo info;
  size_t start = 0;
  while (start < text.size()) {
    size_t end = text.find('\n', start);
    if (end == std::string_view::npos) end = text.size();
    std::string_view line = text.substr(start, end - start);
    start = end + 1;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (const size_t colon = line.find(':'); colon != std::string_view::npos && line.front() != '#') {
      parse_field(info, line.substr(0, colon), line.substr(colon + 1));
    }
  }
  return info;
}

}  // namespace holdfast::sentinel
