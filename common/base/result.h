// Operating errors: what may go wrong outside of our own code (bad input, a full disk, a dead peer).
//
// A function that can fail so returns Result<T>. `text` is a sentence for a person, without a trailing period; where a
// client sees it, it is in Redis's own words. `code` is the errno behind it, or 0 where there is none.
#pragma once

#include <fmt/format.h>

#include <expected>
#include <string>
#include <utility>

namespace holdfast {

struct Error {
  std::string text;
  int code = 0;
};

// (std::expected is itself [[nodiscard]].)
template <class T = void>
using Result = std::expected<T, Error>;

template <class... Args>
[[nodiscard]] std::unexpected<Error> fail(fmt::format_string<Args...> format, Args&&... args) {
  return std::unexpected(Error{fmt::format(format, std::forward<Args>(args)...), 0});
}

// The errno of a failed system call as an Error: "<what>: <strerror>".
[[nodiscard]] std::unexpected<Error> fail_errno(int code, std::string what);

}  // namespace holdfast
