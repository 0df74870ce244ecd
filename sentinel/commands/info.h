// The text of INFO: the sections of a sentinel, with the reference's fields in its order. Executor thread only.
//
// A sentinel holds no data, so the fields of the stats section that count keys, forks and replicas are 0 by nature;
// they are there because exporters and client libraries read them.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "common/server/server.h"
#include "sentinel/commands/dispatch.h"
#include "sentinel/commands/host.h"

namespace holdfast::sentinel {

// `sections` as INFO takes them, in any case; none means all. Unknown ones are passed over.
std::string info_text(const server::Server& server, const DispatchStats& stats, Host& host,
                      std::span<const std::string_view> sections);

}  // namespace holdfast::sentinel
