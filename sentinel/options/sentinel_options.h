// The sentinel's options: those of any server, and the `sentinel ...` lines of its file as they stand.
//
// Ordinary directives of a data node are accepted, since files rewritten by redis-sentinel hold some, and have no
// effect. The lines are kept in order for sentinel/state to interpret; their mistakes are reported through
// config::fatal_block with the line's number and text. Owned and read by the sentinel's main thread.
#pragma once

#include <string>
#include <vector>

#include "common/config/directives.h"
#include "common/config/server_options.h"

namespace holdfast::sentinel {

inline constexpr uint16_t kDefaultPort = 26379;

struct SentinelLine {
  config::Words words;  // without the word "sentinel"
  std::string file;     // "" for the main text
  int line = 0;
  std::string text;  // as written, trimmed
  bool operator==(const SentinelLine&) const = default;
};

struct SentinelOptions : config::ServerOptions {
  SentinelOptions() {
    port = kDefaultPort;
    protected_mode = false;
  }
  std::vector<SentinelLine> lines;
  std::vector<std::string> included_users;  // users of `user` lines in included files, which no rewrite reaches
};

// Adds the rows. `options` must hold the defaults and outlive the registry.
void add_sentinel_rows(config::Registry& registry, SentinelOptions& options);

// Loads a whole config text (see config::combined_text) into the options and their `lines`.
config::LoadReport load_sentinel(std::string_view text, config::Registry& registry, SentinelOptions& options,
                                 FileSystem& fs);

}  // namespace holdfast::sentinel
