#include "node/io/own_address.h"

#include <arpa/inet.h>
#include <ifaddrs.h>

#include "common/base/text.h"

namespace holdfast::node {

bool is_own_address(std::string_view host) {
  if (iequals(host, "localhost") || host.substr(0, 4) == "127." || host == "::1") return true;
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return false;
  bool found = false;
  for (const ifaddrs* item = list; item && !found; item = item->ifa_next) {
    if (!item->ifa_addr) continue;
    char text[INET6_ADDRSTRLEN] = "";
    if (item->ifa_addr->sa_family == AF_INET) {
      ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(item->ifa_addr)->sin_addr, text, sizeof text);
    } else if (item->ifa_addr->sa_family == AF_INET6) {
      ::inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6*>(item->ifa_addr)->sin6_addr, text, sizeof text);
    }
    found = host == text;
  }
  ::freeifaddrs(list);
  return found;
}

}  // namespace holdfast::node
