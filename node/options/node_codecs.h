// Reading and writing of the node's options that are more than one word, or follow a rule of their own.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/config/option.h"
#include "node/options/node_options.h"

namespace holdfast::node {

config::Codec<std::vector<SavePoint>> save_codec();
// "host port", "no one", and "host:port" (a common mistake that can mean nothing else).
config::Codec<std::optional<Endpoint>> replicaof_codec();
config::Codec<uint32_t> notify_codec();
Result<> check_hostname(const std::string& text);

}  // namespace holdfast::node
