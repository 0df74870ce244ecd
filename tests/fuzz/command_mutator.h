// Changes of a stream of requests that keep it one: what the fuzzer of the command layer uses beside changes of bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/random.h"

namespace holdfast::fuzz {

using Request = std::vector<std::string>;

// The requests at the start of `bytes` (RESP arrays or lines of words) up to the first that is none; empty ones are
// left out.
std::vector<Request> parse_requests(std::string_view bytes);
std::string to_resp(std::span<const Request> requests);

// One to four random changes of the requests in `bytes`: a word, a clause, a request, their order. At most `most`
// bytes.
std::string mutate(std::string_view bytes, RandomSource& random, size_t most);

}  // namespace holdfast::fuzz
