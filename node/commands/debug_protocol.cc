// DEBUG PROTOCOL: a value of each reply type, for the tests of client libraries.
#include "node/commands/debug.h"
#include "node/commands/node.h"

namespace holdfast::node::handlers {
namespace {

void reply_attribute(resp::Writer& reply) {
  // An attribute stands before the reply that it belongs to; RESP2 has none.
  if (reply.protocol() == 3) {
    reply.raw("|1\r\n");
    reply.bulk("key-popularity");
    reply.array(2);
    reply.bulk("key:123");
    reply.integer(90);
  }
  reply.bulk("Some real reply following the attribute");
}

void reply_push(resp::Writer& reply) {
  if (reply.protocol() == 2) return reply.error("ERR RESP2 is not supported by this command");
  reply.push(2);
  reply.bulk("server-cpu-usage");
  reply.integer(42);
  // Outside of the push itself: the command's own reply.
  reply.bulk("Some real reply following the push reply");
}

}  // namespace

void debug_protocol(Call& call) {
  const std::string_view type = call.args[2];
  resp::Writer& reply = call.reply;
  if (iequals(type, "string")) return reply.bulk("Hello World");
  if (iequals(type, "integer")) return reply.integer(12345);
  if (iequals(type, "double")) return reply.real(3.141);
  if (iequals(type, "null")) return reply.null();
  if (iequals(type, "bignum")) return reply.big_number("1234567999999999999999999999999999999");
  if (iequals(type, "true") || iequals(type, "false")) return reply.boolean(iequals(type, "true"));
  if (iequals(type, "verbatim")) return reply.verbatim("This is a verbatim\nstring");
  if (iequals(type, "attrib")) return reply_attribute(reply);
  if (iequals(type, "push")) return reply_push(reply);
  if (iequals(type, "array") || iequals(type, "set")) {
    iequals(type, "set") ? reply.set(3) : reply.array(3);
    for (int i = 0; i < 3; ++i) reply.integer(i);
    return;
  }
  if (iequals(type, "map")) {
    reply.map(3);
    for (int i = 0; i < 3; ++i) reply.integer(i), reply.boolean(i == 1);
    return;
  }
  reply.error(
      "ERR Wrong protocol type name. Please use one of the following: "
      "string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false");
}

}  // namespace holdfast::node::handlers
