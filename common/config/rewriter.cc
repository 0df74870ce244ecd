#include "common/config/rewriter.h"

#include <cerrno>
#include <cstring>
#include <deque>
#include <map>

#include "common/base/text.h"
#include "common/config/directives.h"

namespace holdfast::config {

namespace {

std::optional<Words> words_of(std::string_view raw) {
  const std::string_view line = trim(raw);
  if (line.empty() || line[0] == '#') return std::nullopt;
  auto words = split_words(line);
  if (!words || words->empty()) return std::nullopt;
  (*words)[0] = to_lower((*words)[0]);
  return words;
}

std::unexpected<Error> rewriting_failed(const Error& error) {
  return std::unexpected(
      Error{fmt::format("ERR Rewriting config file: {}", error.code != 0 ? std::strerror(error.code) : error.text),
            error.code});
}

// The occurrences of each option in a text, includes left alone.
std::map<const Option*, std::vector<Occurrence>> occurrences_in(std::string_view text, const Registry& registry) {
  std::map<const Option*, std::vector<Occurrence>> found;
  int number = 0;
  for (const std::string_view line : split_lines(text)) {
    ++number;
    auto words = words_of(line);
    if (!words) continue;
    if (const Option* option = registry.find((*words)[0])) {
      found[option].push_back({Words(words->begin() + 1, words->end()), number});
    }
  }
  return found;
}

}  // namespace

std::string rewrite_text(std::string_view original, const KeyOf& key_of, std::span<const OwnedLine> wanted) {
  std::map<std::string, std::deque<const OwnedLine*>> open;
  for (const OwnedLine& line : wanted) open[line.key].push_back(&line);
  std::string out;
  bool signed_before = false;
  for (const std::string_view raw : split_lines(original)) {
    signed_before |= trim(raw) == kRewriteSignature;
    const auto words = words_of(raw);
    const auto key = words ? key_of(*words) : std::nullopt;
    if (!key) {
      out += raw;
      out += '\n';
      continue;
    }
    auto& lines = open[*key];
    if (lines.empty()) continue;  // fewer values than before: the line goes
    const OwnedLine& line = *lines.front();
    lines.pop_front();
    out += words_of(line.text) == words ? raw : std::string_view(line.text);
    out += '\n';
  }
  for (const OwnedLine& line : wanted) {
    auto& lines = open[line.key];
    if (lines.empty() || lines.front() != &line) continue;
    lines.pop_front();
    if (!line.append) continue;
    if (!signed_before) {
      if (!out.empty()) out += '\n';
      out += kRewriteSignature;
      out += '\n';
      signed_before = true;
    }
    out += line.text;
    out += '\n';
  }
  return out;
}

Result<std::string> rewrite_config(std::string_view original, const Registry& registry, RewriteScope scope) {
  std::vector<OwnedLine> wanted;
  const auto before = occurrences_in(original, registry);
  for (const auto& option : registry.options()) {
    if (option->has(kPreserve)) continue;
    // Lines that already read as the present value stay as spelt: units, quotes and the number of lines.
    const auto found = before.find(option.get());
    const bool unchanged = found != before.end() && option->matches(found->second);
    if (unchanged) continue;
    // All lines of an option that the file has, even if they say the default; else only what differs from it.
    const bool wanted_anyway = scope == RewriteScope::all || found != before.end() || !option->is_default();
    for (Option::Line& line : option->lines()) {
      Words words = std::move(line.words);
      std::string key = option->key(words);
      words.insert(words.begin(), option->name());
      wanted.push_back({std::move(key), write_line(words), line.append && wanted_anyway});
    }
  }
  const auto key_of = [&](const Words& words) -> std::optional<std::string> {
    const Option* option = registry.find(words[0]);
    if (option == nullptr || option->has(kPreserve)) return std::nullopt;
    const auto found = before.find(option);
    if (found != before.end() && option->matches(found->second)) return std::nullopt;
    return option->key(Words(words.begin() + 1, words.end()));
  };
  std::string text = rewrite_text(original, key_of, wanted);
  const auto after = occurrences_in(text, registry);
  for (const auto& option : registry.options()) {
    if (option->has(kPreserve)) continue;
    const auto found = after.find(option.get());
    if (!option->matches(found == after.end() ? std::span<const Occurrence>() : found->second)) {
      return fail("ERR Rewriting config file: the new text would not read back '{}'", option->name());
    }
  }
  return text;
}

Result<> write_config_file(FileSystem& fs, const std::string& path, std::string_view text) {
  if (auto written = atomic_replace(fs, path, text); !written) return rewriting_failed(written.error());
  return {};
}

Result<> rewrite_config_file(FileSystem& fs, const std::string& path, const Registry& registry, RewriteScope scope) {
  if (path.empty()) return fail("ERR The server is running without a config file");
  auto original = read_whole_file(fs, path);
  if (!original && original.error().code != ENOENT) return rewriting_failed(original.error());
  auto text = rewrite_config(original ? *original : std::string(), registry, scope);
  if (!text) return std::unexpected(text.error());
  return write_config_file(fs, path, *text);
}

}  // namespace holdfast::config
