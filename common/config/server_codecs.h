// Reading and writing of the options that are more than one word, or follow a rule of their own. See server_options.h.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "common/config/option.h"
#include "common/config/server_options.h"

namespace holdfast::config {

Codec<std::vector<std::string>> bind_codec();
Codec<std::vector<int>> oom_values_codec();
Codec<unsigned> shutdown_codec();
Codec<std::vector<Words>> users_codec();
Codec<std::vector<std::pair<std::string, std::string>>> rename_codec();
Codec<OutputBufferLimits> output_limits_codec();
Codec<int> hz_codec();
Codec<std::vector<double>> percentiles_codec();
Result<> check_proc_title_template(const std::string& text);

}  // namespace holdfast::config
