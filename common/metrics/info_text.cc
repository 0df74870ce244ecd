#include "common/metrics/info_text.h"

#include "common/base/text.h"

namespace holdfast::metrics {

InfoText::InfoText(std::string_view text) {
  for (std::string_view line : split(text, '\n')) {
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    const size_t colon = line.find(':');
    if (line.empty() || line.front() == '#' || colon == std::string_view::npos || colon == 0) continue;
    fields_.insert_or_assign(std::string(line.substr(0, colon)), std::string(line.substr(colon + 1)));
  }
}

std::optional<std::string_view> InfoText::find(std::string_view field) const {
  const auto found = fields_.find(field);
  if (found == fields_.end()) return std::nullopt;
  return found->second;
}

std::optional<double> InfoText::number(std::string_view field) const {
  const auto value = find(field);
  return value ? parse_double(*value) : std::nullopt;
}

std::string InfoText::text(std::string_view field) const { return std::string(find(field).value_or("")); }

void InfoText::each_with_prefix(
    std::string_view prefix, const std::function<void(std::string_view rest, std::string_view value)>& visit) const {
  for (auto at = fields_.lower_bound(prefix); at != fields_.end() && at->first.starts_with(prefix); ++at) {
    visit(std::string_view(at->first).substr(prefix.size()), at->second);
  }
}

std::optional<std::string_view> InfoText::part(std::string_view composite, std::string_view name) {
  for (std::string_view item : split(composite, ',')) {
    const size_t equals = item.find('=');
    if (equals != std::string_view::npos && item.substr(0, equals) == name) return item.substr(equals + 1);
  }
  return std::nullopt;
}

std::optional<double> InfoText::part_number(std::string_view composite, std::string_view name) {
  const auto value = part(composite, name);
  return value ? parse_double(*value) : std::nullopt;
}

}  // namespace holdfast::metrics
