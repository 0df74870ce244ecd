#include "common/hello/hello.h"

#include <fmt/format.h>

#include "common/base/text.h"

namespace holdfast {

std::string format_hello(const Hello& hello) {
  return fmt::format("{},{},{},{},{},{},{},{}", hello.sentinel.host, hello.sentinel.port, hello.run_id.view(),
                     hello.current_epoch, hello.primary_name, hello.primary.host, hello.primary.port,
                     hello.config_epoch);
}

namespace {

std::optional<uint16_t> parse_port(std::string_view text) {
  const auto value = parse_uint64(text);
  if (!value || *value == 0 || *value > 65535) return std::nullopt;
  return static_cast<uint16_t>(*value);
}

}  // namespace

std::optional<Hello> parse_hello(std::string_view text) {
  constexpr size_t kMaxLength = 4096;  // far above any real one
  if (text.size() > kMaxLength) return std::nullopt;
  const auto fields = split(text, ',');
  if (fields.size() != 8) return std::nullopt;
  const auto sentinel_port = parse_port(fields[1]);
  const auto run_id = RunId::parse(fields[2]);
  const auto current_epoch = parse_uint64(fields[3]);
  const auto primary_port = parse_port(fields[6]);
  const auto config_epoch = parse_uint64(fields[7]);
  if (!sentinel_port || !run_id || !current_epoch || !primary_port || !config_epoch) return std::nullopt;
  if (fields[0].empty() || fields[4].empty() || fields[5].empty()) return std::nullopt;
  return Hello{.sentinel = {std::string(fields[0]), *sentinel_port},
               .run_id = *run_id,
               .current_epoch = *current_epoch,
               .primary_name = std::string(fields[4]),
               .primary = {std::string(fields[5]), *primary_port},
               .config_epoch = *config_epoch};
}

}  // namespace holdfast
