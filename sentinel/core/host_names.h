// Host names beside addresses (resolve-hostnames, announce-hostnames). Pure.
//
// Inside the core an instance is where it is: an IP address and a port, so the same node counts as one whatever name a
// peer, a replica or an operator gives it. What comes in passes known(), what goes out to others passes shown(). A name
// whose address is not known yet stands for itself. Names are looked up outside, and again every now and then; the last
// good answer is kept.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/endpoint.h"
#include "common/time/clock.h"
#include "sentinel/core/types.h"

namespace holdfast::sentinel {

bool is_ip_address(const std::string& host);

// Whether an instance may be where others say it is: an address; or, where names may be used, what can be a host's name.
// Else it could be neither reached nor written to the conf file, which a start would refuse.
bool is_usable(const Endpoint& told, const Globals& globals);

class HostNames {
 public:
  // In place of a name its address, if names may be used; a name that is new is looked up.
  Endpoint known(const Endpoint& given, const Globals& globals);
  // The same, but nothing is learned from it: for what anybody may send.
  Endpoint known_already(const Endpoint& given, const Globals& globals) const;
  // The name under which the instance became known, if names are to be told.
  Endpoint shown(const Endpoint& instance, const Globals& globals) const;

  // Is this the instance that was given by that name?
  bool named(const Endpoint& instance, std::string_view name) const;
  // An answer: the name's addresses (none: it failed). Returns the address to use if it has changed, else "". An
  // address that is still among the answers stays.
  std::string answered(const std::string& name, const std::vector<std::string>& addresses, Instant now);

  // Names to be looked up now, each once until it is answered.
  std::vector<std::string> take_due(Instant now);
  Instant next_due() const { return next_; }

 private:
  struct Name {
    std::string address;  // "": none yet
    Instant due;          // Instant::max(): being looked up
  };
  void find_next();

  std::map<std::string, Name, std::less<>> names_;
  std::map<Endpoint, std::string> instances_;  // by address, those that were given by name
  Instant next_ = Instant::max();              // the earliest `due`
};

}  // namespace holdfast::sentinel
