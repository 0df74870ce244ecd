// What a command handler of common/server gets; the binaries' own contexts derive from it.
#pragma once

#include <span>
#include <string_view>

#include "common/command/command_spec.h"
#include "common/server/server.h"
#include "common/server/session.h"

namespace holdfast::server {

struct CommandContext {
  Server& server;
  Session& session;
  std::span<const std::string_view> args;  // the whole request, name first
  resp::Writer& reply;
};

// Makes a handler of common/server fit a table of a derived context.
template <class Context, void (*handler)(CommandContext&)>
void adapted(Context& context) {
  handler(context);
}

}  // namespace holdfast::server
