#include "node/persistence/aof_manifest.h"

#include <algorithm>

#include "common/base/assert.h"
#include "common/base/split_args.h"
#include "common/base/text.h"

namespace holdfast::node {

namespace {

constexpr size_t kMaxLine = 1024;
constexpr const char* kInvalid = "Invalid AOF manifest file format";

bool needs_quotes(std::string_view name) {
  return name.empty() || std::any_of(name.begin(), name.end(), [](char c) {
           return c <= ' ' || c >= 0x7F || c == '"' || c == '\'' || c == '\\';
         });
}

Result<AofFile> parse_line(std::string_view line) {
  const auto tokens = split_args(line);
  if (!tokens || tokens->size() < 6 || tokens->size() % 2 != 0) return fail("{}", kInvalid);
  AofFile file;
  bool has_type = false;
  for (size_t i = 0; i < tokens->size(); i += 2) {
    const std::string& key = (*tokens)[i];
    const std::string& value = (*tokens)[i + 1];
    if (iequals(key, "file")) {
      file.name = value;
      if (value.find('/') != std::string::npos || value == "." || value == "..") {
        return fail("File can't be a path, just a filename");
      }
    } else if (iequals(key, "seq")) {
      file.sequence = parse_int64(value).value_or(0);
    } else if (iequals(key, "type")) {
      if (value != "b" && value != "h" && value != "i") return fail("Unknown AOF file type");
      file.type = static_cast<AofFile::Type>(value.front());
      has_type = true;
    }
  }
  if (file.name.empty() || file.sequence <= 0 || !has_type) return fail("{}", kInvalid);
  return file;
}

std::string describe(std::string_view line, int number, std::string_view what) {
  return fmt::format("Reading the manifest file, at line {}\n>>> '{}'\n{}", number, line, what);
}

void format_line(const AofFile& file, std::string& out) {
  out += fmt::format("file {} seq {} type {}\n", needs_quotes(file.name) ? quoted(file.name) : file.name, file.sequence,
                     static_cast<char>(file.type));
}

}  // namespace

std::string AofNames::base(int64_t sequence, bool rdb) const {
  return fmt::format("{}.{}.base.{}", filename, sequence, rdb ? "rdb" : "aof");
}

std::string AofNames::incremental(int64_t sequence) const { return fmt::format("{}.{}.incr.aof", filename, sequence); }

std::optional<int64_t> AofNames::sequence_of(std::string_view name) const {
  if (!name.starts_with(filename) || !name.substr(filename.size()).starts_with('.')) return std::nullopt;
  name.remove_prefix(filename.size() + 1);
  const std::string_view digits = name.substr(0, name.find('.'));
  const std::string_view rest = name.substr(digits.size());
  if (rest != ".base.rdb" && rest != ".base.aof" && rest != ".incr.aof") return std::nullopt;
  const auto sequence = parse_int64(digits);
  return sequence && *sequence > 0 ? sequence : std::nullopt;
}

Result<AofManifest> AofManifest::parse(std::string_view text) {
  if (text.empty()) return fail("Found an empty AOF manifest");
  AofManifest manifest;
  for (int number = 1; !text.empty(); ++number) {
    const size_t end = text.find('\n');
    if (end == std::string_view::npos || end >= kMaxLine) return fail("The AOF manifest file contains too long line");
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    if (!line.empty() && line.front() == '#') continue;
    auto file = parse_line(line);
    if (!file) return fail("{}", describe(line, number, file.error().text));
    if (auto added = manifest.add(std::move(*file)); !added) {
      return fail("{}", describe(line, number, added.error().text));
    }
  }
  return manifest;
}

Result<> AofManifest::add(AofFile file) {
  switch (file.type) {
    case AofFile::Type::base:
      if (base_) return fail("Found duplicate base file information");
      base_sequence_ = file.sequence;
      base_ = std::move(file);
      break;
    case AofFile::Type::history:
      history_.push_back(std::move(file));
      break;
    case AofFile::Type::incremental:
      if (file.sequence <= incremental_sequence_) return fail("Found a non-monotonic sequence number");
      incremental_sequence_ = file.sequence;
      incrementals_.push_back(std::move(file));
      break;
  }
  return {};
}

AofManifest AofManifest::upgrade(const std::string& old_file) {
  AofManifest manifest;
  manifest.base_ = AofFile{old_file, 1, AofFile::Type::base};
  manifest.base_sequence_ = 1;
  return manifest;
}

std::string AofManifest::format() const {
  std::string text;
  if (base_) format_line(*base_, text);
  for (const AofFile& file : history_) format_line(file, text);
  for (const AofFile& file : incrementals_) format_line(file, text);
  return text;
}

std::vector<AofFile> AofManifest::removable() const {
  std::vector<AofFile> files;
  const std::vector<AofFile> in_use = load_order();
  std::ranges::copy_if(history_, std::back_inserter(files), [&](const AofFile& old) {
    return std::ranges::none_of(in_use, [&](const AofFile& file) { return file.name == old.name; });
  });
  return files;
}

std::vector<AofFile> AofManifest::load_order() const {
  std::vector<AofFile> files;
  if (base_) files.push_back(*base_);
  files.insert(files.end(), incrementals_.begin(), incrementals_.end());
  return files;
}

bool AofManifest::mentions(std::string_view name) const {
  const auto same = [name](const AofFile& file) { return file.name == name; };
  return (base_ && base_->name == name) || std::any_of(incrementals_.begin(), incrementals_.end(), same) ||
         std::any_of(history_.begin(), history_.end(), same);
}

std::string AofManifest::add_incremental(const AofNames& names) {
  do {
    ++incremental_sequence_;
  } while (mentions(names.incremental(incremental_sequence_)));
  incrementals_.push_back(
      {names.incremental(incremental_sequence_), incremental_sequence_, AofFile::Type::incremental});
  return incrementals_.back().name;
}

void AofManifest::skip_names_of(const AofManifest& attempted) {
  base_sequence_ = std::max(base_sequence_, attempted.base_sequence_);
  incremental_sequence_ = std::max(incremental_sequence_, attempted.incremental_sequence_);
}

std::string AofManifest::replace_base(const AofNames& names, bool rdb, size_t keep) {
  HOLDFAST_ASSERT(keep <= incrementals_.size());
  const auto retire = [this](AofFile file) {
    file.type = AofFile::Type::history;
    history_.push_back(std::move(file));
  };
  if (base_) retire(std::move(*base_));
  const auto kept = incrementals_.end() - static_cast<std::ptrdiff_t>(keep);
  for (auto file = incrementals_.begin(); file != kept; ++file) retire(std::move(*file));
  incrementals_.erase(incrementals_.begin(), kept);
  do {
    ++base_sequence_;
  } while (mentions(names.base(base_sequence_, rdb)));
  base_ = AofFile{names.base(base_sequence_, rdb), base_sequence_, AofFile::Type::base};
  return base_->name;
}

}  // namespace holdfast::node
