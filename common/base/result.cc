#include "common/base/result.h"

#include <cstring>

namespace holdfast {

std::unexpected<Error> fail_errno(int code, std::string what) {
  return std::unexpected(Error{fmt::format("{}: {}", what, std::strerror(code)), code});
}

}  // namespace holdfast
