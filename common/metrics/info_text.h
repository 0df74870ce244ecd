// The text of INFO, read back as fields: `field:value` lines, `# Section` lines skipped.
//
// The redis_* metrics are made from it, so that they say the same as INFO by construction, and cost the main loop no more
// than the text itself. Immutable after construction; safe from any thread. Unknown or malformed lines are ignored.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast::metrics {

class InfoText {
 public:
  explicit InfoText(std::string_view text);

  // The value of a field, or nothing where INFO has no such field.
  std::optional<std::string_view> find(std::string_view field) const;
  std::optional<double> number(std::string_view field) const;
  // The value, or "" where there is none.
  std::string text(std::string_view field) const;

  // Calls visit(rest of the name, value) for each field whose name starts with prefix, in the order of names.
  void each_with_prefix(std::string_view prefix,
                        const std::function<void(std::string_view rest, std::string_view value)>& visit) const;

  // One part of a composite value: part("keys=2,expires=1", "keys") is "2".
  static std::optional<std::string_view> part(std::string_view composite, std::string_view name);
  static std::optional<double> part_number(std::string_view composite, std::string_view name);

 private:
  std::map<std::string, std::string, std::less<>> fields_;
};

}  // namespace holdfast::metrics
