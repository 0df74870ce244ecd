// A reply received from a server, as a tree, and the incremental parser for it (RESP2 and RESP3).
//
// For links to other servers (sentinel, replication handshake), where replies are small; a hostile peer is bounded by
// ReplyLimits. Not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace holdfast::resp {

struct Reply {
  enum class Type { simple, error, integer, bulk, null, array, map, set, push, boolean, real, big_number, verbatim };

  Type type = Type::null;
  std::string text;          // simple, error (with its code), bulk, real, big_number, verbatim (without "txt:")
  int64_t integer = 0;       // integer, boolean (0 or 1)
  std::vector<Reply> items;  // array, set, push; map: key, value, key, value ...

  bool is_error() const { return type == Type::error; }
  bool is_null() const { return type == Type::null; }
  bool is_text() const { return type == Type::simple || type == Type::bulk || type == Type::verbatim; }
  bool is_aggregate() const {
    return type == Type::array || type == Type::map || type == Type::set || type == Type::push;
  }
};

struct ReplyLimits {
  size_t max_bulk = 64 * 1024 * 1024;
  size_t max_line = 64 * 1024;
  size_t max_items = 1024 * 1024;  // in one whole reply
  size_t max_depth = 16;
};

class ReplyParser {
 public:
  explicit ReplyParser(ReplyLimits limits = {}) : limits_(limits) {}

  // Eats from the front of `input` (advances it). A reply when one is complete; nothing when more bytes are needed; an
  // error (final) when the peer does not speak RESP or passes a limit. Attributes ('|') are read and dropped.
  Result<std::optional<Reply>> parse(std::string_view& input);

 private:
  struct Token {
    Reply reply;
    size_t children = 0;     // of an aggregate: values that follow
    bool attribute = false;  // read, then dropped
  };
  Result<std::optional<Token>> read_token(std::string_view& input) const;
  Result<size_t> read_bulk(std::string_view input, std::string_view length, Reply& reply) const;

  const ReplyLimits limits_;
  std::vector<Token> open_;  // aggregates whose children are still coming; `children` counts those left
  size_t items_ = 0;
};

}  // namespace holdfast::resp
