// The subcommands of DEBUG that are not in debug.cc itself. Each is called with a number of arguments that fits.
#pragma once

#include "node/commands/call.h"

namespace holdfast::node::handlers {

// debug_data.cc: keys, values and tables
void debug_populate(Call& call);
void debug_object(Call& call);
void debug_digest(Call& call);
void debug_digest_value(Call& call);
void debug_htstats(Call& call);
void debug_htstats_key(Call& call);
void debug_listpack(Call& call);
void debug_quicklist(Call& call);
void debug_structsize(Call& call);
// debug_reply_buffer.cc
void debug_reply_buffer(Call& call);
// debug_protocol.cc
void debug_protocol(Call& call);

}  // namespace holdfast::node::handlers
