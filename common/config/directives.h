// The directives of a conf text in order, includes unfolded. Knows lines, quotes and `include`; not the options.
//
// Errors are collected, not returned: see loader.h.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/config/loader.h"
#include "common/config/tokenizer.h"
#include "common/fs/file_system.h"

namespace holdfast::config {

struct Directive {
  std::string name;  // lower case, as written (may be an alias)
  Words words;       // without the name
  std::string file;  // "" for the main text
  int line = 0;
  std::string text;  // the line, trimmed
};

struct DirectiveList {
  std::vector<Directive> directives;
  // Errors, each with the count of directives that were read before it.
  std::vector<std::pair<size_t, ConfigError>> errors;
};

DirectiveList read_directives(std::string_view text, FileSystem& fs);

// The lines of a conf text, each without its line end.
std::vector<std::string_view> split_lines(std::string_view text);

}  // namespace holdfast::config
