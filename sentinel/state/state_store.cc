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
  return recover(std::move(*state));
}

Result<PersistentState> ConfigFileStore::recover(PersistentState in_file) {
  normalize(in_file);
  file_ = last_ = std::move(in_file);
  known_ = true;
  const std::string path = journal_path(path_);
  if (!faults_.ignore_journal && fs_.exists(path)) {
    const auto text = read_whole_file(fs_, path);
    if (!text) return fail("can't read the votes journal '{}': {}", path, text.error().text);
    journal_holds_ = !text->empty();
    last_ = with_records(file_, read_journal(*text));
  }
  return last_;
}

Result<> ConfigFileStore::save(const PersistentState& state) {
  PersistentState wanted = state;
  normalize(wanted);
  if (known_ && journal_ != nullptr && wanted != last_ && !faults_.forget_votes) {
    if (const auto record = record_between(file_, last_, wanted); record && append(*record)) {
      last_ = std::move(wanted);
      return {};
    }
  }
  if (auto done = rewrite(state); !done) return done;
  file_ = last_ = std::move(wanted);
  known_ = true;
  start_journal();
  return {};
}

Result<> ConfigFileStore::settle() {
  if (journal_holds_) {
    if (auto done = rewrite(last_); !done) return done;
    file_ = last_;
  }
  start_journal();
  return {};
}

void ConfigFileStore::close() {
  if (journal_holds_) return;
  journal_.reset();
  if (fs_.exists(journal_path(path_))) (void)fs_.remove(journal_path(path_));
}

// After an error it is unknown what the journal holds: the rewrite that follows overtakes it, and starts a new one.
Result<> ConfigFileStore::append(const JournalRecord& record) {
  journal_holds_ = true;
  Result<> done = fail("the journal is gone");  // its folder, perhaps: the open file would take the record all the same
  if (fs_.exists(journal_path(path_))) done = journal_->append(text_of_record(record));
  if (done) done = journal_->sync();
  if (!done) journal_.reset();
  return done;
}

// The file is up to date: what the journal holds is void. Without a journal (a folder that takes no new file) each save
// rewrites the file.
void ConfigFileStore::start_journal() {
  if (!known_ || (journal_ != nullptr && !journal_holds_)) return;
  if (journal_ != nullptr && journal_->truncate(0)) {
    journal_holds_ = false;
    return;
  }
  journal_.reset();
  const std::string path = journal_path(path_);
  // A new file: what a failed sync left of the old one is not to be trusted, even emptied.
  if (fs_.exists(path) && !fs_.remove(path)) return;
  auto file = fs_.open(path, FileSystem::Mode::create);
  journal_holds_ = false;
  if (!file) return;
  if ((*file)->sync() && fs_.sync_directory(directory_of(path))) journal_ = std::move(*file);
}

Result<> ConfigFileStore::rewrite(const PersistentState& state) {
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
  if (user_lines_) {
    for (config::OwnedLine& line : user_lines_()) wanted.push_back(std::move(line));
  }
  const auto key_of = [this](const config::Words& words) -> std::optional<std::string> {
    if (user_lines_ && words.size() >= 2 && words[0] == "user") return user_key(words[1]);
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
