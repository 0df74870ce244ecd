#include "common/resp/reply.h"

#include "common/base/text.h"

namespace holdfast::resp {

namespace {

constexpr size_t kIncomplete = static_cast<size_t>(-1);

std::unexpected<Error> bad(std::string_view what) { return fail("Protocol error: {}", what); }

Reply::Type aggregate_type(char mark) {
  switch (mark) {
    case '*': return Reply::Type::array;
    case '~': return Reply::Type::set;
    case '>': return Reply::Type::push;
    default: return Reply::Type::map;
  }
}

}  // namespace

// The body of a bulk string, error or verbatim text (without its header line). How many bytes it takes, or kIncomplete.
Result<size_t> ReplyParser::read_bulk(std::string_view input, std::string_view header, Reply& reply) const {
  const auto length = parse_int64(header.substr(1));
  if (!length || *length < -1 || *length > static_cast<int64_t>(limits_.max_bulk)) return bad("invalid bulk length");
  if (*length < 0) return size_t{0};
  const size_t size = static_cast<size_t>(*length);
  if (input.size() < size + 2) return kIncomplete;
  if (input.substr(size, 2) != "\r\n") return bad("bulk string without its end");
  reply.type = header[0] == '$' ? Reply::Type::bulk : header[0] == '=' ? Reply::Type::verbatim : Reply::Type::error;
  reply.text = input.substr(header[0] == '=' && size >= 4 ? 4 : 0, header[0] == '=' && size >= 4 ? size - 4 : size);
  return size + 2;
}

// One scalar or one aggregate's header; nothing (and nothing eaten) when more bytes are needed.
Result<std::optional<ReplyParser::Token>> ReplyParser::read_token(std::string_view& input) const {
  const size_t end = input.find("\r\n");
  if (end == std::string_view::npos) {
    if (input.size() > limits_.max_line) return bad("too long line in reply");
    return std::optional<Token>();
  }
  if (end == 0) return bad("empty line in reply");
  const std::string_view header = input.substr(0, end);
  const std::string_view body = header.substr(1);
  Token token;
  Reply& reply = token.reply;
  size_t eaten = end + 2;
  switch (header[0]) {
    case '+': reply.type = Reply::Type::simple; reply.text = body; break;
    case '-': reply.type = Reply::Type::error; reply.text = body; break;
    case ',': reply.type = Reply::Type::real; reply.text = body; break;
    case '(': reply.type = Reply::Type::big_number; reply.text = body; break;
    case '_': break;
    case '#':
      reply.type = Reply::Type::boolean;
      reply.integer = body == "t" ? 1 : 0;
      break;
    case ':': {
      const auto number = parse_int64(body);
      if (!number) return bad("invalid integer in reply");
      reply.type = Reply::Type::integer;
      reply.integer = *number;
      break;
    }
    case '$':
    case '=':
    case '!': {
      const auto size = read_bulk(input.substr(eaten), header, reply);
      if (!size) return std::unexpected(size.error());
      if (*size == kIncomplete) return std::optional<Token>();
      eaten += *size;
      break;
    }
    case '*':
    case '~':
    case '>':
    case '%':
    case '|': {
      if (body == "-1") break;
      const auto count = parse_int64(body);
      if (!count || *count < 0 || *count > static_cast<int64_t>(limits_.max_items)) return bad("invalid length");
      reply.type = aggregate_type(header[0]);
      token.attribute = header[0] == '|';
      token.children = static_cast<size_t>(*count) * (header[0] == '%' || token.attribute ? 2 : 1);
      break;
    }
    default: return bad(fmt::format("unknown reply type {}", quoted(header.substr(0, 1))));
  }
  input.remove_prefix(eaten);
  return std::optional<Token>(std::move(token));
}

Result<std::optional<Reply>> ReplyParser::parse(std::string_view& input) {
  while (true) {
    auto read = read_token(input);
    if (!read) return std::unexpected(read.error());
    if (!*read) return std::optional<Reply>();
    Token token = std::move(**read);
    if (++items_ > limits_.max_items) return bad("too many elements in reply");
    // A value without children left is complete: it goes to the aggregate it belongs to, which may complete that one.
    while (token.children == 0) {
      if (open_.empty()) {
        if (token.attribute) break;
        items_ = 0;
        return std::optional<Reply>(std::move(token.reply));
      }
      if (token.attribute) break;
      Token& parent = open_.back();
      parent.reply.items.push_back(std::move(token.reply));
      if (--parent.children > 0) break;
      token = std::move(parent);
      open_.pop_back();
    }
    if (token.children > 0) {
      if (open_.size() >= limits_.max_depth) return bad("reply nested too deeply");
      open_.push_back(std::move(token));
    }
  }
}

}  // namespace holdfast::resp
