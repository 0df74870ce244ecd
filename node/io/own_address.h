// Is this text one of the machine's own addresses? Names other than localhost are not resolved: that would block.
#pragma once

#include <string_view>

namespace holdfast::node {

bool is_own_address(std::string_view host);

}  // namespace holdfast::node
