#include "node/options/node_codecs.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/config/values.h"

namespace holdfast::node {

using config::Codec;
using config::Option;
using config::Words;

namespace {

struct NotifyName {
  char name;
  uint32_t bits;
};
constexpr NotifyName kNotifyNames[] = {
    {'g', kNotifyGeneric}, {'$', kNotifyString},   {'l', kNotifyList},     {'s', kNotifySet},     {'h', kNotifyHash},
    {'z', kNotifyZset},    {'x', kNotifyExpired},  {'e', kNotifyEvicted},  {'t', kNotifyStream},  {'d', kNotifyModule},
    {'n', kNotifyNew},     {'K', kNotifyKeyspace}, {'E', kNotifyKeyevent}, {'m', kNotifyKeyMiss},
};

std::string show_notify(const uint32_t& value) {
  const bool all = (value & kNotifyAll) == kNotifyAll;
  std::string out = all ? "A" : "";
  for (const auto& [name, bits] : kNotifyNames) {
    if (all && (bits & kNotifyAll) != 0) continue;
    if ((value & bits) != 0) out += name;
  }
  return out;
}

std::string show_save(const std::vector<SavePoint>& value) {
  std::string out;
  for (const SavePoint& point : value) {
    out += fmt::format("{}{} {}", out.empty() ? "" : " ", point.after.count(), point.changes);
  }
  return out;
}

Result<> parse_save(std::vector<SavePoint>& value, const Words& words, size_t occurrence) {
  std::vector<SavePoint> points;
  if (words.size() % 2 != 0) return fail("Invalid save parameters");
  for (size_t i = 0; i < words.size(); i += 2) {
    const auto seconds = parse_int64(words[i]);
    const auto changes = parse_int64(words[i + 1]);
    if (!seconds || *seconds < 1 || *seconds > INT32_MAX || !changes || *changes < 0 || *changes > INT32_MAX) {
      return fail("Invalid save parameters");
    }
    points.push_back({std::chrono::seconds(*seconds), *changes});
  }
  // The first line of a file takes the place of the default; `save ""` takes the place of all before it.
  if (occurrence == 0 || points.empty()) value.clear();
  value.insert(value.end(), points.begin(), points.end());
  return {};
}

}  // namespace

Codec<std::vector<SavePoint>> save_codec() {
  return {.parse = parse_save, .get = show_save, .lines = [](const std::vector<SavePoint>& value) {
            std::vector<Option::Line> lines;
            for (const SavePoint& point : value) {
              lines.push_back({{fmt::format("{}", point.after.count()), fmt::format("{}", point.changes)}});
            }
            if (lines.empty()) lines.push_back({{""}});
            return lines;
          }};
}

Codec<std::optional<Endpoint>> replicaof_codec() {
  return {.parse = [](std::optional<Endpoint>& value, const Words& given, size_t) -> Result<> {
            Words words = given;
            if (words.size() == 1) {
              const size_t colon = words[0].rfind(':');
              const std::string& text = given[0];
              if (colon == std::string::npos || colon == 0 || !parse_uint64(text.substr(colon + 1))) {
                return fail("wrong number of arguments");
              }
              std::string host = text.substr(0, colon);
              if (host.starts_with('[') && host.ends_with(']')) {
                host = host.substr(1, host.size() - 2);
              } else if (host.contains(':')) {
                return fail("wrong number of arguments");  // an IPv6 address without a port
              }
              words = {host, text.substr(colon + 1)};
            }
            if (words.size() != 2) return fail("wrong number of arguments");
            if (iequals(words[0], "no") && iequals(words[1], "one")) {
              value.reset();
              return {};
            }
            const auto port = parse_int64(words[1]);
            if (!port || *port < 0 || *port > 65535) return fail("Invalid master port");
            value = Endpoint{words[0], static_cast<uint16_t>(*port)};
            return {};
          },
          .get =
              [](const std::optional<Endpoint>& value) {
                return value ? fmt::format("{} {}", value->host, value->port) : std::string();
              },
          .lines =
              [](const std::optional<Endpoint>& value) {
                std::vector<Option::Line> lines;
                if (value) lines.push_back({{value->host, fmt::format("{}", value->port)}});
                return lines;
              }};
}

Codec<uint32_t> notify_codec() {
  return {.parse = [](uint32_t& value, const Words& words, size_t) -> Result<> {
            uint32_t bits = 0;
            for (const char c : words[0]) {
              const auto found = std::ranges::find(kNotifyNames, c, &NotifyName::name);
              if (c == 'A') {
                bits |= kNotifyAll;
              } else if (found != std::end(kNotifyNames)) {
                bits |= found->bits;
              } else {
                return fail("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.");
              }
            }
            value = bits;
            return {};
          },
          .get = show_notify};
}

Result<> check_hostname(const std::string& text) {
  constexpr size_t kMaxLength = 255;
  if (text.size() > kMaxLength) return fail("Hostnames must be less than {} characters", kMaxLength + 1);
  for (const char c : text) {
    if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.')) {
      return fail("Hostnames may only contain alphanumeric characters, hyphens or dots");
    }
  }
  return {};
}

}  // namespace holdfast::node
