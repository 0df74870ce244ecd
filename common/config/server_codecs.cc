#include "common/config/server_codecs.h"

#include <algorithm>
#include <cmath>

#include "common/access/users.h"
#include "common/base/text.h"

namespace holdfast::config {

namespace {

constexpr size_t kMaxBindAddresses = 16;

std::string join(const std::vector<std::string>& parts) {
  std::string out;
  for (const std::string& part : parts) out += (out.empty() ? "" : " ") + part;
  return out;
}

struct ClassName {
  std::string_view name;
  ClientClass value;
};
constexpr ClassName kClassNames[] = {{"normal", ClientClass::normal},
                                     {"slave", ClientClass::replica},
                                     {"replica", ClientClass::replica},
                                     {"pubsub", ClientClass::pubsub}};

std::optional<ClientClass> parse_class(std::string_view text) {
  for (const auto& [name, value] : kClassNames) {
    if (iequals(name, text)) return value;
  }
  return std::nullopt;
}

std::string_view class_name(ClientClass of) {
  constexpr std::string_view kNames[] = {"normal", "replica", "pubsub"};
  return kNames[static_cast<size_t>(of)];
}

Result<> parse_output_limits(OutputBufferLimits& value, const Words& words, size_t) {
  if (words.size() % 4 != 0) return fail("Wrong number of arguments in buffer limit configuration.");
  for (size_t i = 0; i < words.size(); i += 4) {
    const auto of = parse_class(words[i]);
    if (!of) return fail("Invalid client class specified in buffer limit configuration.");
    const auto hard = parse_memory(words[i + 1]);
    const auto soft = parse_memory(words[i + 2]);
    const auto period = parse_int64(words[i + 3]);
    if (!hard || !soft || !period || *period < 0) {
      return fail("Error in hard, soft or soft_seconds setting in buffer limit configuration.");
    }
    value[static_cast<size_t>(*of)] = {*hard, *soft, std::chrono::seconds(*period)};
  }
  return {};
}

}  // namespace

Codec<std::vector<std::string>> bind_codec() {
  return {.parse = [](std::vector<std::string>& value, const Words& words, size_t) -> Result<> {
            if (words.size() > kMaxBindAddresses) return fail("Too many bind addresses specified.");
            value = words;
            return {};
          },
          .get = join,
          .lines =
              [](const std::vector<std::string>& value) {
                return std::vector<Option::Line>{{value.empty() ? Words{""} : value}};
              }};
}

Codec<std::vector<int>> oom_values_codec() {
  return {.parse = [](std::vector<int>& value, const Words& words, size_t) -> Result<> {
            if (words.size() != 3) return fail("wrong number of arguments");
            std::vector<int> parsed;
            for (const std::string& word : words) {
              const auto score = parse_int64(word);
              if (!score || *score < -2000 || *score > 2000) {
                return fail("Invalid oom-score-adj-values, elements must be between -2000 and 2000.");
              }
              parsed.push_back(static_cast<int>(*score));
            }
            value = std::move(parsed);
            return {};
          },
          .get = [](const std::vector<int>& value) { return fmt::format("{}", fmt::join(value, " ")); }};
}

Codec<unsigned> shutdown_codec() {
  static const EnumNames<unsigned> kNames = {{"default", 0}, {"save", 1}, {"nosave", 2}, {"now", 4}, {"force", 8}};
  return {.parse = [](unsigned& value, const Words& words, size_t) -> Result<> {
            unsigned bits = 0;
            if (words.empty()) return Registry::unknown_name(kNames);
            for (const std::string& word : words) {
              const auto bit = Registry::find_name(kNames, word);
              if (!bit) return Registry::unknown_name(kNames);
              bits |= *bit;
            }
            if ((bits & 3) == 3) return fail("shutdown options SAVE and NOSAVE can't be used simultaneously");
            value = bits;
            return {};
          },
          .get =
              [](const unsigned& value) {
                if (value == 0) return std::string("default");
                std::vector<std::string> names;
                for (const auto& [name, bit] : kNames) {
                  if (bit != 0 && (value & bit) != 0) names.emplace_back(name);
                }
                return join(names);
              }};
}

Codec<std::vector<Words>> users_codec() {
  return {.parse = [](std::vector<Words>& value, const Words& words, size_t) -> Result<> {
            if (auto checked = access::check_user_line(words, value); !checked) return checked;
            value.push_back(words);
            return {};
          },
          .get = [](const std::vector<Words>& value) { return fmt::format("{} users", value.size()); },
          .lines =
              [](const std::vector<Words>& value) {
                std::vector<Option::Line> lines;
                for (const Words& words : value) lines.push_back({words});
                return lines;
              }};
}

Codec<std::vector<std::pair<std::string, std::string>>> rename_codec() {
  using Renamed = std::vector<std::pair<std::string, std::string>>;
  return {.parse = [](Renamed& value, const Words& words, size_t) -> Result<> {
            if (words.size() != 2) return fail("Bad directive or wrong number of arguments");
            value.emplace_back(words[0], words[1]);
            return {};
          },
          .get = [](const Renamed& value) { return fmt::format("{} commands", value.size()); },
          .lines =
              [](const Renamed& value) {
                std::vector<Option::Line> lines;
                for (const auto& [from, to] : value) lines.push_back({{from, to}});
                return lines;
              }};
}

Codec<OutputBufferLimits> output_limits_codec() {
  return {.parse = parse_output_limits,
          .get =
              [](const OutputBufferLimits& value) {
                // CONFIG GET has kept the class's old name.
                constexpr std::string_view kShown[] = {"normal", "slave", "pubsub"};
                std::string out;
                for (size_t i = 0; i < value.size(); ++i) {
                  out += fmt::format("{}{} {} {} {}", i == 0 ? "" : " ", kShown[i], value[i].hard_bytes,
                                     value[i].soft_bytes, value[i].soft_period.count());
                }
                return out;
              },
          .lines =
              [](const OutputBufferLimits& value) {
                static const OutputBufferLimits kDefaults = ServerOptions().client_output_buffer_limit;
                std::vector<Option::Line> lines;
                for (size_t i = 0; i < value.size(); ++i) {
                  lines.push_back(
                      {{std::string(class_name(static_cast<ClientClass>(i))), format_memory_unit(value[i].hard_bytes),
                        format_memory_unit(value[i].soft_bytes), fmt::format("{}", value[i].soft_period.count())},
                       value[i] != kDefaults[i]});
                }
                return lines;
              },
          .key =
              [](const Words& words) {
                // A line with several classes, or none that we know, has a key of its own and is replaced by plain
                // ones.
                const auto of = words.size() == 4 ? parse_class(words[0]) : std::nullopt;
                return std::string(of ? class_name(*of) : "several");
              }};
}

Codec<int> hz_codec() {
  return {.parse = [](int& value, const Words& words, size_t) -> Result<> {
            const auto parsed = parse_integer(words[0], 0, INT32_MAX);
            if (!parsed) return std::unexpected(parsed.error());
            value = static_cast<int>(std::clamp<int64_t>(*parsed, 1, 500));
            return {};
          },
          .get = [](const int& value) { return fmt::format("{}", value); }};
}

Codec<std::vector<double>> percentiles_codec() {
  return {.parse = [](std::vector<double>& value, const Words& words, size_t) -> Result<> {
            std::vector<double> parsed;
            for (const std::string& word : words) {
              const auto percentile = parse_double(word);
              if (!percentile) return fail("Invalid latency-tracking-info-percentiles parameters");
              if (*percentile < 0 || *percentile > 100) {
                return fail("latency-tracking-info-percentiles parameters should sit between [0.0,100.0]");
              }
              parsed.push_back(std::round(*percentile * 1e6) / 1e6);  // the precision it is shown with
            }
            value = std::move(parsed);
            return {};
          },
          .get =
              [](const std::vector<double>& value) {
                std::vector<std::string> parts;
                for (const double percentile : value) {
                  std::string text = fmt::format("{:.6f}", percentile);
                  text.erase(text.find_last_not_of('0') + 1);
                  if (text.ends_with('.')) text.pop_back();
                  parts.push_back(std::move(text));
                }
                return join(parts);
              },
          .lines = {}};
}

Result<> check_proc_title_template(const std::string& text) {
  constexpr std::string_view kVariables[] = {"title",    "listen-addr", "server-mode", "port",
                                             "tls-port", "unixsocket",  "config-file"};
  const auto bad = [] { return fail("template format is invalid or contains unknown variables"); };
  if (text.empty()) return bad();
  size_t at = 0;
  while ((at = text.find('{', at)) != std::string::npos) {
    const size_t end = text.find('}', at);
    if (end == std::string::npos) return bad();
    const std::string_view variable = std::string_view(text).substr(at + 1, end - at - 1);
    if (std::ranges::find(kVariables, variable) == std::end(kVariables)) return bad();
    at = end + 1;
  }
  return {};
}

}  // namespace holdfast::config
