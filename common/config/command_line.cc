#include "common/config/command_line.h"

#include <string_view>

#include "common/base/text.h"
#include "common/config/tokenizer.h"

namespace holdfast::config {

namespace {

std::string_view program_of(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

std::string absolute_path(const std::string& path, const std::string& working_directory) {
  if (path.starts_with('/')) return path;
  return working_directory + (working_directory.ends_with('/') ? "" : "/") + path;
}

// Fills in the modes that take their own arguments instead of a config. True when this is one of them.
Result<bool> take_mode(std::span<const std::string> words, std::string_view program, CommandLine& line) {
  const auto first = words.empty() ? std::string_view() : std::string_view(words[0]);
  const auto rest = [&](size_t from) { return std::vector<std::string>(words.begin() + from, words.end()); };
  if (first == "-v" || first == "--version") {
    line.mode = Mode::version;
  } else if (first == "-h" || first == "--help") {
    line.mode = Mode::help;
  } else if (first == "--check-system") {
    line.mode = Mode::check_system;
  } else if (first == "--test-memory") {
    line.mode = Mode::test_memory;
    line.arguments = rest(1);
    if (line.arguments.size() != 1 || !parse_uint64(line.arguments[0])) {
      return fail("Please specify the amount of memory to test in megabytes.\n{} --test-memory 4096", program);
    }
  } else if (first == "--check-rdb" || program.ends_with("-check-rdb")) {
    line.mode = Mode::check_rdb;
    line.arguments = rest(first == "--check-rdb" ? 1 : 0);
    if (line.arguments.size() != 1) return fail("Usage: {} <rdb-file-name>", first == "--check-rdb" ? "holdfast-node --check-rdb" : program);
  } else if (first == "--check-aof" || program.ends_with("-check-aof")) {
    line.mode = Mode::check_aof;
    line.arguments = rest(first == "--check-aof" ? 1 : 0);
    if (line.arguments.empty()) {
      return fail("Usage: {} [--fix|--truncate-to-timestamp $timestamp] <file.manifest|file.aof>",
                  first == "--check-aof" ? "holdfast-node --check-aof" : program);
    }
  } else {
    return false;
  }
  return true;
}

// Turns the options into conf lines. A word that starts with "--" opens a line, unless the line before has no value
// yet: then it is the value (but `--save --port 1` saves nothing, as in Redis).
class OptionsText {
 public:
  void add(const std::string& word, CommandLine& line) {
    const bool names_option = word.starts_with("--");
    const bool waits_for_value = !current_.empty() && !has_value_;
    if (names_option && (!waits_for_value || current_ == "save")) {
      finish(current_ == "save" && waits_for_value);
      after_sentinel_ = word == "--sentinel";
      if (after_sentinel_) {
        line.sentinel = true;
        return;
      }
      if (word == "--check-config" || word == "--print-config") {
        line.mode = word == "--check-config" ? Mode::check_config : Mode::print_config;
        return;
      }
      current_ = word.substr(2);
      text_ += current_;
      // "--port 7000" given as one word holds its value.
      has_value_ = trim(current_).find_first_of(" \t") != std::string_view::npos;
      return;
    }
    if (after_sentinel_) text_ += current_ = "sentinel";
    after_sentinel_ = false;
    text_ += (text_.empty() || text_.ends_with('\n') ? "" : " ") + quoted(word);
    has_value_ = true;
  }

  std::string take() {
    finish(current_ == "save" && !has_value_);
    return std::move(text_);
  }

 private:
  void finish(bool empty_value) {
    if (empty_value) text_ += " \"\"";
    if (!text_.empty() && !text_.ends_with('\n')) text_ += '\n';
    current_.clear();
    has_value_ = false;
  }

  std::string text_;
  std::string current_;
  bool has_value_ = false;
  bool after_sentinel_ = false;
};

}  // namespace

Result<CommandLine> parse_command_line(std::span<const std::string> arguments, const std::string& working_directory) {
  CommandLine line;
  const std::string_view program = arguments.empty() ? std::string_view() : program_of(arguments[0]);
  line.sentinel = program.ends_with("-sentinel");
  std::span<const std::string> words = arguments.empty() ? arguments : arguments.subspan(1);
  const auto is_mode = take_mode(words, program, line);
  if (!is_mode) return std::unexpected(is_mode.error());
  if (*is_mode) return line;
  if (!words.empty() && words.front() == "-") {
    line.from_stdin = true;
    words = words.subspan(1);
  } else if (!words.empty() && !words.front().empty() && words.front()[0] != '-') {
    line.config_file = absolute_path(words.front(), working_directory);
    words = words.subspan(1);
  }
  if (!words.empty() && words.back() == "-") {
    line.from_stdin = true;
    words = words.first(words.size() - 1);
  }
  OptionsText options;
  // `holdfast-node --check-config node.conf`: our own flags may come before the file.
  for (size_t i = 0; i < words.size(); ++i) {
    const bool after_own_flag = i == 1 && line.config_file.empty() && line.mode != Mode::run;
    if (after_own_flag && !words[i].starts_with('-')) {
      line.config_file = absolute_path(words[i], working_directory);
    } else {
      options.add(words[i], line);
    }
  }
  line.options_text = options.take();
  return line;
}

std::string combined_text(std::string_view file_text, std::string_view stdin_text, const CommandLine& line) {
  std::string text(file_text);
  const auto append = [&text](std::string_view more) {
    if (more.empty()) return;
    text += '\n';
    text += more;
  };
  append(stdin_text);
  append(line.options_text);
  return text;
}

}  // namespace holdfast::config
