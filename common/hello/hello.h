// The message by which sentinels find each other and spread a new configuration: eight fields, joined by commas, published
// on the channel `__sentinel__:hello` of every data node and sent to known sentinels by PUBLISH.
//
//   sentinel_ip,sentinel_port,sentinel_runid,current_epoch,primary_name,primary_ip,primary_port,primary_config_epoch
//
// Pure. parse() accepts exactly what the reference does: eight fields, a 40-digit id, ports in range, decimal epochs; all
// else is nothing (it came from a network). A primary's name holds no comma (MONITOR's names are checked on the way in).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/endpoint.h"
#include "common/base/run_id.h"

namespace holdfast {

inline constexpr std::string_view kHelloChannel = "__sentinel__:hello";

struct Hello {
  Endpoint sentinel;
  RunId run_id;
  uint64_t current_epoch = 0;
  std::string primary_name;
  Endpoint primary;
  uint64_t config_epoch = 0;
  bool operator==(const Hello&) const = default;
};

std::string format_hello(const Hello& hello);
std::optional<Hello> parse_hello(std::string_view text);

}  // namespace holdfast
