#include "common/resp/request_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "common/base/split_args.h"
#include "common/base/text.h"

namespace holdfast::resp {

namespace {

constexpr size_t kNotFound = static_cast<size_t>(-1);

size_t find_cr(std::string_view input, size_t from) {
  const void* found = std::memchr(input.data() + from, '\r', input.size() - from);
  return found == nullptr ? kNotFound : static_cast<size_t>(static_cast<const char*>(found) - input.data());
}

bool is_digit(char c) { return static_cast<unsigned char>(c - '0') <= 9; }

// Reads "<digits>\r" and the byte after it, the way lengths nearly always come: not negative, up to eight digits, with
// more input behind. Returns where the line ends; null when anything is different, and then the general way finds out
// what. One and two digits go without a loop.
inline const char* quick_length(const char* at, const char* end, int64_t& length) {
  if (end - at < 4 || !is_digit(at[0])) return nullptr;
  if (at[1] == '\r') {
    length = at[0] - '0';
    return at + 3;
  }
  if (at[0] == '0' || !is_digit(at[1])) return nullptr;
  if (at[2] == '\r') {
    length = (at[0] - '0') * 10 + (at[1] - '0');
    return at + 4;
  }
  const char* const stop = end - at > 9 ? at + 9 : end;  // one more than may be there
  const char* digit = at;
  int64_t value = 0;
  while (digit < stop && is_digit(*digit)) value = value * 10 + (*digit++ - '0');
  if (digit - at > 8 || end - digit < 2 || *digit != '\r') return nullptr;
  length = value;
  return digit + 2;
}

}  // namespace

RequestParser::Status RequestParser::refuse(std::string text) {
  error_ = "Protocol error: " + std::move(text);
  return Status::error;
}

void RequestParser::reset() {
  state_ = State::start;
  at_ = 0;
  remaining_ = 0;
  pending_bulk_ = -1;
  first_ = 0;
  args_.clear();
}

void RequestParser::begin_batch() {
  if (state_ == State::done) return reset();
  if (first_ == 0) return;
  args_.erase(args_.begin(), args_.begin() + static_cast<ptrdiff_t>(first_));
  first_ = 0;
}

void RequestParser::release_memory() {
  if (state_ == State::arguments) return;
  std::vector<std::string_view>().swap(args_);
  std::vector<std::string>().swap(inline_words_);
  state_ = State::start;
  first_ = 0;
}

RequestParser::Status RequestParser::parse(std::string_view input, const RequestLimits& limits) {
  if (state_ == State::done) reset();
  return parse_started(input, limits);
}

RequestParser::Status RequestParser::parse_next(std::string_view input, const RequestLimits& limits) {
  if (state_ == State::done) {
    state_ = State::start;
    first_ = args_.size();
  }
  return parse_started(input, limits);
}

RequestParser::Status RequestParser::parse_started(std::string_view input, const RequestLimits& limits) {
  if (input.empty()) return Status::need_more;
  if (state_ == State::start) {
    base_ = input.data();
    was_inline_ = input[0] != '*';
    if (was_inline_) return parse_inline(input);
    if (parse_quickly(input, limits)) return Status::request;
    if (const Status status = parse_header(input, limits); status != Status::request) return status;
  } else if (input.data() != base_) {
    for (size_t i = first_; i < args_.size(); ++i) {
      args_[i] = {input.data() + (args_[i].data() - base_), args_[i].size()};
    }
    base_ = input.data();
  }
  return parse_arguments(input, limits);
}

// A request that is all there and says so in the plainest way. False, and nothing changed, when it is not.
bool RequestParser::parse_quickly(std::string_view input, const RequestLimits& limits) {
  const char* const end = input.data() + input.size();
  const int64_t most_bytes =
      limits.authenticated ? limits.max_bulk : std::min(limits.max_bulk, RequestLimits::kMaxBulkUnauthenticated);
  int64_t count = 0;
  const char* at = quick_length(input.data() + 1, end, count);
  if (at == nullptr || (!limits.authenticated && count > RequestLimits::kMaxArgumentsUnauthenticated)) return false;
  for (int64_t i = 0; i < count; ++i) {
    int64_t length = 0;
    if (at == end || *at != '$' || (at = quick_length(at + 1, end, length)) == nullptr || length > most_bytes ||
        end - at < length + 2) {
      args_.resize(first_);
      return false;
    }
    args_.emplace_back(at, static_cast<size_t>(length));
    at += length + 2;
  }
  at_ = static_cast<size_t>(at - input.data());
  state_ = State::done;
  return true;
}

RequestParser::Status RequestParser::parse_inline(std::string_view input) {
  const void* newline = std::memchr(input.data(), '\n', input.size());
  if (newline == nullptr) {
    if (input.size() > RequestLimits::kMaxInline) return refuse("too big inline request");
    return Status::need_more;
  }
  const size_t end = static_cast<size_t>(static_cast<const char*>(newline) - input.data());
  std::string_view line = input.substr(0, end);
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  if (line.size() > RequestLimits::kMaxInline) return refuse("too big inline request");
  auto words = split_args(line);
  if (!words) return refuse("unbalanced quotes in request");
  inline_words_ = std::move(*words);
  args_.resize(first_);
  args_.insert(args_.end(), inline_words_.begin(), inline_words_.end());
  at_ = end + 1;
  state_ = State::done;
  return Status::request;
}

RequestParser::Status RequestParser::parse_header(std::string_view input, const RequestLimits& limits) {
  const size_t cr = find_cr(input, 0);
  if (cr == kNotFound || cr + 1 >= input.size()) {
    if (input.size() > RequestLimits::kMaxInline) return refuse("too big mbulk count string");
    return Status::need_more;
  }
  const auto count = parse_int64(input.substr(1, cr - 1));
  if (!count || *count > RequestLimits::kMaxArguments) return refuse("invalid multibulk length");
  if (!limits.authenticated && *count > RequestLimits::kMaxArgumentsUnauthenticated) {
    return refuse("unauthenticated multibulk length");
  }
  at_ = cr + 2;
  remaining_ = *count > 0 ? *count : 0;
  state_ = State::arguments;
  return Status::request;
}

RequestParser::Status RequestParser::parse_arguments(std::string_view input, const RequestLimits& limits) {
  while (remaining_ > 0) {
    if (pending_bulk_ < 0) {
      if (at_ >= input.size()) return Status::need_more;
      if (const Status status = parse_bulk_header(input, limits); status != Status::request) return status;
    }
    const size_t length = static_cast<size_t>(pending_bulk_);
    if (input.size() < at_ + length + 2) return Status::need_more;
    args_.emplace_back(input.data() + at_, length);
    at_ += length + 2;
    pending_bulk_ = -1;
    --remaining_;
  }
  state_ = State::done;
  return Status::request;
}

RequestParser::Status RequestParser::parse_bulk_header(std::string_view input, const RequestLimits& limits) {
  const size_t cr = find_cr(input, at_);
  if (cr == kNotFound || cr + 1 >= input.size()) {
    if (input.size() - at_ > RequestLimits::kMaxInline) return refuse("too big bulk count string");
    return Status::need_more;
  }
  if (input[at_] != '$') return refuse(fmt::format("expected '$', got '{}'", input[at_]));
  const auto length = parse_int64(input.substr(at_ + 1, cr - at_ - 1));
  if (!length || *length < 0 || *length > limits.max_bulk) return refuse("invalid bulk length");
  if (!limits.authenticated && *length > RequestLimits::kMaxBulkUnauthenticated) {
    return refuse("unauthenticated bulk length");
  }
  at_ = cr + 2;
  pending_bulk_ = *length;
  return Status::request;
}

}  // namespace holdfast::resp
