#include "common/config/loader.h"

#include <algorithm>
#include <boost/any.hpp>
#include <boost/program_options/options_description.hpp>
#include <boost/program_options/parsers.hpp>
#include <boost/program_options/value_semantic.hpp>
#include <boost/program_options/variables_map.hpp>
#include <boost/shared_ptr.hpp>
#include <cerrno>
#include <cstring>

#include "common/base/text.h"
#include "common/base/version.h"
#include "common/config/directives.h"

namespace holdfast::config {

namespace {

namespace po = boost::program_options;

// Errors with the place in the order of reading at which they belong.
using Placed = std::vector<std::pair<size_t, ConfigError>>;

bool is_sensitive(const Registry& registry, std::string_view name) {
  const Option* option = registry.find(name);
  return option != nullptr && option->has(kSensitive);
}

std::string shown_text(const Registry& registry, std::string_view text) {
  const std::string_view name = text.substr(0, text.find_first_of(" \t\""));
  return is_sensitive(registry, name) ? std::string(name) + " (value not shown)" : std::string(text);
}

ConfigError error_at(const Registry& registry, const Directive& directive, std::string reason) {
  return {directive.file, directive.line, shown_text(registry, directive.text), std::move(reason), {}};
}

// What one load works on.
struct Loading {
  const Registry& registry;
  FileSystem& fs;
  std::vector<Directive> directives;
  Placed errors, warnings;
};

// What an option is to Boost.Program_options: a value that gathers the indexes of its directives, and hands the
// directives to the option's row at notify().
class RowSemantic final : public po::value_semantic {
 public:
  RowSemantic(Option& option, Loading& loading) : option_(option), loading_(loading) {}

  std::string name() const override { return "value"; }
  unsigned min_tokens() const override { return 0; }
  unsigned max_tokens() const override { return 1; }
  bool is_composing() const override { return true; }
  bool is_required() const override { return false; }
  bool apply_default(boost::any&) const override { return false; }

  void parse(boost::any& store, const std::vector<std::string>& tokens, bool) const override {
    if (store.empty()) store = std::vector<size_t>();
    boost::any_cast<std::vector<size_t>&>(store).push_back(parse_uint64(tokens.at(0)).value());
  }

  void notify(const boost::any& store) const override {
    const auto& indexes = boost::any_cast<const std::vector<size_t>&>(store);
    std::vector<Occurrence> occurrences;
    for (const size_t index : indexes) {
      const Directive& directive = loading_.directives[index];
      occurrences.push_back({directive.words, directive.line});
    }
    const auto failures = option_.load(occurrences);
    for (const auto& [failed, error] : failures) add(loading_.errors, indexes[failed], error.text);
    if (option_.has(kDirectory) && failures.empty()) check_directory(indexes.back());
    // A default value asks for nothing, so it needs no warning. (Of what is only accepted, we know no default.)
    if (option_.has(kNoEffect) && (option_.has(kNoCommand) || !option_.is_default())) {
      add(loading_.warnings, indexes.back(), "accepted, but without effect here");
    }
  }

 private:
  void add(Placed& to, size_t index, std::string reason) const {
    to.emplace_back(index, error_at(loading_.registry, loading_.directives[index], std::move(reason)));
  }

  void check_directory(size_t index) const {
    const std::string path = option_.get();
    const auto names =
        path.empty() ? Result<std::vector<std::string>>(std::unexpected(Error{"", ENOENT})) : loading_.fs.list(path);
    if (!names) add(loading_.errors, index, std::strerror(names.error().code));
  }

  Option& option_;
  Loading& loading_;
};

// The directives as Boost's parsed options: each known one under its row's name, its value the directive's index.
po::parsed_options to_parsed_options(const po::options_description& rows, Loading& loading) {
  po::parsed_options parsed(&rows);
  for (size_t i = 0; i < loading.directives.size(); ++i) {
    const Directive& directive = loading.directives[i];
    const Option* option = loading.registry.find(directive.name);
    if (option == nullptr) {
      auto error = error_at(loading.registry, directive, "Bad directive or wrong number of arguments");
      error.suggestion = loading.registry.did_you_mean(directive.name);
      loading.errors.emplace_back(i, std::move(error));
      continue;
    }
    po::option one;
    one.string_key = option->name();
    one.value = {fmt::format("{}", i)};
    one.original_tokens = {directive.text};
    parsed.options.push_back(std::move(one));
  }
  return parsed;
}

std::vector<ConfigError> in_order(Placed& placed) {
  std::ranges::stable_sort(placed, {}, [](const auto& one) { return one.first; });
  std::vector<ConfigError> out;
  for (auto& [place, error] : placed) out.push_back(std::move(error));
  return out;
}

}  // namespace

LoadReport load(std::string_view text, Registry& registry, FileSystem& fs) {
  DirectiveList list = read_directives(text, fs);
  Loading loading{registry, fs, std::move(list.directives), {}, {}};
  for (auto& [place, error] : list.errors) {
    error.text = shown_text(registry, error.text);
    loading.errors.emplace_back(place, std::move(error));
  }
  po::options_description rows;
  for (const auto& option : registry.options()) {
    rows.add(boost::shared_ptr<po::option_description>(
        new po::option_description(option->name().c_str(), new RowSemantic(*option, loading), option->help().c_str())));
  }
  po::variables_map values;
  po::store(to_parsed_options(rows, loading), values);
  po::notify(values);
  return {in_order(loading.errors), in_order(loading.warnings)};
}

std::string fatal_block(const ConfigError& error) {
  if (error.line == 0) return error.reason + '\n';
  return fmt::format(
      "\n*** FATAL CONFIG FILE ERROR (Redis {}) ***\nReading the configuration file, at line {}\n>>> '{}'\n{}\n",
      kRedisVersion, error.line, error.text, error.reason);
}

std::string check_report(const LoadReport& report, std::string_view config_file) {
  std::string out;
  const auto add = [&](const ConfigError& error, std::string_view kind) {
    if (error.line == 0) {
      out += fmt::format("{}: {}\n", kind, error.reason);
      return;
    }
    const std::string_view file = error.file.empty() ? config_file : std::string_view(error.file);
    out += fmt::format("{}:{}: {}: {} ('{}')", file.empty() ? "options" : file, error.line, kind, error.reason,
                       error.text);
    if (error.suggestion) out += fmt::format("; did you mean '{}'?", *error.suggestion);
    out += '\n';
  };
  for (const ConfigError& error : report.errors) add(error, "error");
  for (const ConfigError& warning : report.warnings) add(warning, "warning");
  out += report.ok() ? "The configuration is valid.\n"
                     : fmt::format("The configuration has {} error{}.\n", report.errors.size(),
                                   report.errors.size() == 1 ? "" : "s");
  return out;
}

std::string print_config(const Registry& registry) {
  std::string out;
  for (const auto& option : registry.options()) {
    if (option->has(kHidden)) continue;
    if (option->has(kSensitive)) {
      if (!option->is_default()) out += fmt::format("# {} is set; its value is not shown.\n", option->name());
      continue;
    }
    for (const Option::Line& line : option->lines()) {
      Words words = line.words;
      words.insert(words.begin(), option->name());
      out += fmt::format("{}{}\n", option->is_default() ? "# " : "", write_line(words));
    }
  }
  return out;
}

}  // namespace holdfast::config
