#include "sentinel/state/state_store.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/config/directives.h"
#include "common/config/rewriter.h"
#include "common/config/tokenizer.h"

namespace holdfast::sentinel {

namespace {

// The words after "sentinel" of each such line of a file, and the lines' numbers.
struct FileLines {
  std::vector<LineWords> words;
  std::vector<int> numbers;
};

FileLines sentinel_lines_of(std::string_view text) {
  FileLines lines;
  int number = 0;
  for (const std::string_view raw : config::split_lines(text)) {
    ++number;
    const std::string_view line = trim(raw);
    if (line.empty() || line[0] == '#') continue;
    auto words = config::split_words(line);
    if (!words || words->size() < 2 || !iequals((*words)[0], "sentinel")) continue;
    words->erase(words->begin());
    lines.words.push_back(std::move(*words));
    lines.numbers.push_back(number);
  }
  return lines;
}

// Sorted: a file may have its lines in another order.
std::vector<LineWords> words_of(const std::vector<StateLine>& lines) {
  std::vector<LineWords> words;
  words.reserve(lines.size());
  for (const StateLine& line : lines) words.push_back(line.words);
  std::sort(words.begin(), words.end());
  return words;
}

}  // namespace

ConfigFileStore::ConfigFileStore(FileSystem& fs, std::string path, Faults faults)
    : fs_(fs), path_(std::move(path)), faults_(faults) {}

Result<PersistentState> ConfigFileStore::load() {
  const auto text = read_whole_file(fs_, path_);
  if (!text) return std::unexpected(text.error());
  const FileLines lines = sentinel_lines_of(*text);
  auto state = read_sentinel_lines(lines.words);
  if (!state) return fail("line {}: {}", lines.numbers[state.error().line], state.error().text);
  return std::move(*state);
}

Result<> ConfigFileStore::save(const PersistentState& state) {
  auto original = read_whole_file(fs_, path_);
  if (!original) return std::unexpected(original.error());
  const std::vector<StateLine> lines = write_sentinel_lines(state, faults_);
  std::vector<config::OwnedLine> wanted;
  wanted.reserve(lines.size());
  for (const StateLine& line : lines) {
    config::Words words{"sentinel"};
    words.insert(words.end(), line.words.begin(), line.words.end());
    wanted.push_back({key_of_line(line.words), config::write_line(words), line.append});
  }
  const auto key_of = [](const config::Words& words) -> std::optional<std::string> {
    if (words.size() < 2 || words[0] != "sentinel") return std::nullopt;
    return key_of_line(LineWords(words.begin() + 1, words.end()));
  };
  const std::string text = config::rewrite_text(*original, key_of, wanted);
  // A file that does not read back as it was meant would lose votes at the next start.
  const auto again = read_sentinel_lines(sentinel_lines_of(text).words);
  if (!again) return fail("the new text would not read back: {}", again.error().text);
  if (words_of(write_sentinel_lines(*again, faults_)) != words_of(lines)) {
    return fail("the new text would not read back to the same state");
  }
  return atomic_replace(fs_, path_, text);
}

}  // namespace holdfast::sentinel
