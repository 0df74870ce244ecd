#include "sentinel/core/host_names.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cctype>

namespace holdfast::sentinel {

namespace {

constexpr Millis kRefresh{10000};
constexpr Millis kRetry{1000};        // of a name that has no address yet
constexpr size_t kLongestName = 253;  // RFC 1035
constexpr size_t kMostNames = 10000;  // names also come from hello messages, which anybody may publish

}  // namespace

bool is_ip_address(const std::string& host) {
  in6_addr address{};
  return ::inet_pton(AF_INET, host.c_str(), &address) == 1 || ::inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

bool is_usable(const Endpoint& told, const Globals& globals) {
  if (is_ip_address(told.host)) return true;
  const auto in_names = [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '.' || c == '_'; };
  return globals.resolve_hostnames && !told.host.empty() && told.host.size() <= kLongestName &&
         std::ranges::all_of(told.host, in_names);
}

Endpoint HostNames::known(const Endpoint& given, const Globals& globals) {
  if (!globals.resolve_hostnames || given.host.empty() || is_ip_address(given.host)) return given;
  auto found = names_.find(given.host);
  if (found == names_.end()) {
    if (names_.size() >= kMostNames) return given;
    found = names_.emplace(given.host, Name{.address = {}, .due = Instant{}}).first;
    next_ = Instant{};
  }
  if (found->second.address.empty()) return given;
  const Endpoint instance{found->second.address, given.port};
  instances_[instance] = given.host;
  return instance;
}

Endpoint HostNames::known_already(const Endpoint& given, const Globals& globals) const {
  if (!globals.resolve_hostnames) return given;
  const auto found = names_.find(given.host);
  return found == names_.end() || found->second.address.empty() ? given : Endpoint{found->second.address, given.port};
}

Endpoint HostNames::shown(const Endpoint& instance, const Globals& globals) const {
  if (!globals.announce_hostnames || !globals.resolve_hostnames) return instance;
  const auto found = instances_.find(instance);
  return found == instances_.end() ? instance : Endpoint{found->second, instance.port};
}

bool HostNames::named(const Endpoint& instance, std::string_view name) const {
  if (instance.host == name) return true;
  const auto found = instances_.find(instance);
  return found != instances_.end() && found->second == name;
}

std::string HostNames::answered(const std::string& name, const std::vector<std::string>& addresses, Instant now) {
  const auto found = names_.find(name);
  if (found == names_.end()) return "";
  Name& entry = found->second;
  entry.due = now + (addresses.empty() && entry.address.empty() ? kRetry : kRefresh);
  next_ = std::min(next_, entry.due);
  if (addresses.empty() || std::ranges::find(addresses, entry.address) != addresses.end()) return "";
  entry.address = addresses.front();
  std::erase_if(instances_, [&](const auto& instance) { return instance.second == name; });
  return entry.address;
}

std::vector<std::string> HostNames::take_due(Instant now) {
  std::vector<std::string> due;
  if (next_ > now) return due;
  for (auto& [name, entry] : names_) {
    if (entry.due > now) continue;
    entry.due = Instant::max();
    due.push_back(name);
  }
  find_next();
  return due;
}

void HostNames::find_next() {
  next_ = Instant::max();
  for (const auto& [name, entry] : names_) next_ = std::min(next_, entry.due);
}

}  // namespace holdfast::sentinel
