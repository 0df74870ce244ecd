#include "sentinel/options/sentinel_options.h"

#include "sentinel/options/node_directives.h"

namespace holdfast::sentinel {

void add_sentinel_rows(config::Registry& registry, SentinelOptions& options) {
  config::add_server_rows(registry, options);
  for (const std::string_view name : kNodeDirectives) {
    registry.accept(std::string(name), config::kNoEffect, "An option of data nodes.");
  }
  registry.accept("sentinel", config::kMutable, "What to monitor and how; see sentinel.conf.");
  registry.check_rows();
}

config::LoadReport load_sentinel(std::string_view text, config::Registry& registry, SentinelOptions& options,
                                 FileSystem& fs) {
  options.lines.clear();
  options.included_users.clear();
  for (config::Directive& directive : config::read_directives(text, fs).directives) {
    if (directive.name == "user" && !directive.words.empty() && !directive.file.empty()) {
      options.included_users.push_back(directive.words[0]);
    }
    if (directive.name != "sentinel" || directive.words.empty()) continue;
    options.lines.push_back(
        {std::move(directive.words), std::move(directive.file), directive.line, std::move(directive.text)});
  }
  return config::load(text, registry, fs);
}

}  // namespace holdfast::sentinel
