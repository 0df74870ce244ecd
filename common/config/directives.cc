#include "common/config/directives.h"

#include <cerrno>
#include <cstring>

#include "common/base/text.h"

namespace holdfast::config {

namespace {

constexpr int kMaxIncludeDepth = 16;

bool is_pattern(std::string_view path) { return path.find_first_of("*?[") != std::string_view::npos; }

// Existing paths that match, in alphabetical order, as glob(3): a pattern does not cross '/', nor match a leading dot.
std::vector<std::string> expand(FileSystem& fs, const std::string& pattern) {
  std::vector<std::string> found = {pattern.starts_with('/') ? "/" : ""};
  const auto parts = split(pattern, '/');
  for (size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].empty()) continue;
    std::vector<std::string> next;
    for (const std::string& base : found) {
      const std::string prefix = base.empty() || base.ends_with('/') ? base : base + '/';
      if (!is_pattern(parts[i])) {
        const std::string path = prefix + std::string(parts[i]);
        if (fs.exists(path)) next.push_back(path);
        continue;
      }
      const auto names = fs.list(base.empty() ? "." : base);
      if (!names) continue;
      for (const std::string& name : *names) {
        if (name.starts_with('.') && !parts[i].starts_with('.')) continue;
        if (glob_match(parts[i], name)) next.push_back(prefix + name);
      }
    }
    found = std::move(next);
  }
  return found;
}

class Reader {
 public:
  Reader(FileSystem& fs, DirectiveList& list) : fs_(fs), list_(list) {}

  void read(std::string_view text, const std::string& file, int depth) {
    int number = 0;
    for (const std::string_view raw : split_lines(text)) {
      ++number;
      const std::string_view line = trim(raw);
      if (line.empty() || line[0] == '#') continue;
      auto words = split_words(line);
      if (!words) {
        error({file, number, std::string(line), "Unbalanced quotes in configuration line", {}});
        continue;
      }
      if (words->empty()) continue;
      Directive directive{to_lower((*words)[0]), {words->begin() + 1, words->end()}, file, number, std::string(line)};
      if (directive.name == "include" && directive.words.size() == 1) {
        include(directive, depth);
      } else {
        list_.directives.push_back(std::move(directive));
      }
    }
  }

 private:
  void include(const Directive& directive, int depth) {
    const std::string& path = directive.words[0];
    if (depth == kMaxIncludeDepth) {
      error({directive.file, directive.line, directive.text, "too many nested includes", {}});
      return;
    }
    const auto paths = is_pattern(path) ? expand(fs_, path) : std::vector<std::string>{path};
    for (const std::string& one : paths) {
      const auto text = read_whole_file(fs_, one);
      if (text) {
        read(*text, one, depth + 1);
      } else {
        error({directive.file,
               0,
               directive.text,
               fmt::format("Fatal error, can't open config file '{}': {}", one,
                           text.error().code != 0 ? std::strerror(text.error().code) : text.error().text),
               {}});
      }
    }
  }

  void error(ConfigError what) { list_.errors.emplace_back(list_.directives.size(), std::move(what)); }

  FileSystem& fs_;
  DirectiveList& list_;
};

}  // namespace

DirectiveList read_directives(std::string_view text, FileSystem& fs) {
  DirectiveList list;
  Reader(fs, list).read(text, "", 0);
  return list;
}

std::vector<std::string_view> split_lines(std::string_view text) {
  auto lines = split(text, '\n');
  if (lines.back().empty()) lines.pop_back();
  return lines;
}

}  // namespace holdfast::config
