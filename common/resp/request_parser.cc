#include "common/resp/request_parser.h"

#include <fmt/format.h>

#include <cstring>
#include <optional>

#include "common/base/split_args.h"
#include "common/base/text.h"

namespace holdfast::resp {

namespace {

constexpr size_t kNotFound = static_cast<size_t>(-1);

size_t find_cr(std::string_view input, size_t from) {
  const void* found = std::memchr(input.data() + from, '\r', input.size() - from);
  return found == nullptr ? kNotFound : static_cast<size_t>(static_cast<const char*>(found) - input.data());
}

// Lengths are nearly always one to three digits: this beats the general parser on the request path.
std::optional<int64_t> parse_length(std::string_view text) {
  if (text.size() - 1 < 9 && text[0] >= '1' && text[0] <= '9') {
    int64_t value = 0;
    for (const char c : text) {
      if (c < '0' || c > '9') return std::nullopt;
      value = value * 10 + (c - '0');
    }
    return value;
  }
  return parse_int64(text);
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
  args_.clear();
}

RequestParser::Status RequestParser::parse(std::string_view input, const RequestLimits& limits) {
  if (state_ == State::done) reset();
  if (input.empty()) return Status::need_more;
  if (state_ == State::start) {
    base_ = input.data();
    if (input[0] != '*') return parse_inline(input);
    if (const Status status = parse_header(input, limits); status != Status::request) return status;
  } else if (input.data() != base_) {
    for (auto& argument : args_) argument = {input.data() + (argument.data() - base_), argument.size()};
    base_ = input.data();
  }
  return parse_arguments(input, limits);
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
  args_.assign(inline_words_.begin(), inline_words_.end());
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
  const auto count = parse_length(input.substr(1, cr - 1));
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
      const size_t cr = find_cr(input, at_);
      if (cr == kNotFound || cr + 1 >= input.size()) {
        if (input.size() - at_ > RequestLimits::kMaxInline) return refuse("too big bulk count string");
        return Status::need_more;
      }
      if (input[at_] != '$') return refuse(fmt::format("expected '$', got '{}'", input[at_]));
      const auto length = parse_length(input.substr(at_ + 1, cr - at_ - 1));
      if (!length || *length < 0 || *length > limits.max_bulk) return refuse("invalid bulk length");
      if (!limits.authenticated && *length > RequestLimits::kMaxBulkUnauthenticated) {
        return refuse("unauthenticated bulk length");
      }
      at_ = cr + 2;
      pending_bulk_ = *length;
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

}  // namespace holdfast::resp
