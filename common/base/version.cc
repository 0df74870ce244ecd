#include "common/base/version.h"

namespace holdfast {

std::string_view holdfast_version() { return HOLDFAST_VERSION; }
std::string_view build_commit() { return HOLDFAST_COMMIT; }

}  // namespace holdfast
