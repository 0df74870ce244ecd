// Incremental parser of requests: RESP arrays of bulk strings, and inline commands (a line of words).
//
// The bytes stay in the caller's buffer; arguments are views into it, so a request costs no copy. The caller passes the
// same unconsumed bytes again, with more behind them, after need_more (the buffer may have moved); nothing that was
// parsed is parsed again. Limits and error texts are Redis's. Memory grows only with bytes that have arrived, never by a
// length that a peer announces. Not thread-safe.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::resp {

struct RequestLimits {
  static constexpr int64_t kMaxArguments = 2147483647;  // INT_MAX, as Redis
  static constexpr int64_t kMaxArgumentsUnauthenticated = 10;
  static constexpr int64_t kMaxBulkUnauthenticated = 16384;
  static constexpr size_t kMaxInline = 64 * 1024;  // also the longest length line

  int64_t max_bulk = 512 * 1024 * 1024;  // proto-max-bulk-len
  bool authenticated = true;             // false: the smaller limits above
};

class RequestParser {
 public:
  enum class Status { request, need_more, error };

  // Parses the request at the start of `input`. After `request`, args() holds it (no arguments: an empty request, to be
  // skipped) and consumed() its length; the caller drops those bytes before the next call. After `error`, the
  // connection is lost: send error() and close.
  Status parse(std::string_view input, const RequestLimits& limits);

  // The same for one request after another of a pipeline, so that several can be looked at before the first is executed:
  // the arguments of all requests since begin_batch() stay valid while their bytes stay where they are. `input` starts
  // behind the last one's bytes. begin_batch() also comes before bytes move.
  Status parse_next(std::string_view input, const RequestLimits& limits);
  void begin_batch();
  // The request parsed last, as a place in batch_args(): that array may still move while the batch grows.
  size_t first_argument() const { return first_; }
  const std::string_view* batch_args() const { return args_.data(); }
  // An inline request's words are kept only until the next one is parsed.
  bool was_inline() const { return was_inline_; }

  // Makes the last complete request be parsed again by the next call (its bytes were kept).
  void rewind() { reset(); }

  std::span<const std::string_view> args() const { return std::span(args_).subspan(first_); }
  size_t consumed() const { return at_; }
  const std::string& error() const { return error_; }  // "Protocol error: ...", without ERR
  // Gives back memory that is not needed for a request in progress.
  void release_memory();
  // Bytes of an unfinished request that are parsed already.
  size_t parsed_ahead() const { return state_ == State::arguments ? at_ : 0; }
  // How long the request is so far known to be (for sizing a buffer once bytes flow); 0 if not known.
  size_t announced() const { return pending_bulk_ >= 0 ? at_ + static_cast<size_t>(pending_bulk_) + 2 : 0; }

 private:
  Status parse_header(std::string_view input, const RequestLimits& limits);
  Status parse_arguments(std::string_view input, const RequestLimits& limits);
  bool parse_quickly(std::string_view input, const RequestLimits& limits);
  Status parse_bulk_header(std::string_view input, const RequestLimits& limits);
  Status parse_inline(std::string_view input);
  Status refuse(std::string text);
  Status parse_started(std::string_view input, const RequestLimits& limits);
  void reset();

  enum class State { start, arguments, done };
  State state_ = State::start;
  size_t at_ = 0;               // offset of the next byte to look at, from the start of the request
  int64_t remaining_ = 0;       // arguments still to come
  int64_t pending_bulk_ = -1;   // length of the bulk string whose header was read
  const char* base_ = nullptr;  // where args_ point into
  size_t first_ = 0;  // of args_: before it are earlier requests of the batch
  bool was_inline_ = false;
  std::vector<std::string_view> args_;
  std::vector<std::string> inline_words_;
  std::string error_;
};

}  // namespace holdfast::resp
