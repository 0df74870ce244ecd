// The rows of a sentinel's own commands. The connection commands are common/server's.
#pragma once

#include <span>

#include "sentinel/commands/dispatch.h"

namespace holdfast::sentinel {

std::span<const CommandRow> sentinel_rows();

}  // namespace holdfast::sentinel
