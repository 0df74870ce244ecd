// DEBUG REPLYBUFFER: how clients' reply buffers follow what they have to hold.
#include "common/base/text.h"
#include "node/commands/arguments.h"
#include "node/commands/debug.h"

namespace holdfast::node::handlers {

void debug_reply_buffer(Call& call) {
  server::ReplyBufferSettings& settings = call.server.settings.reply_buffer;
  const std::string_view what = call.args[2], value = call.args[3];
  if (iequals(what, "peak-reset-time")) {
    if (iequals(value, "never")) {
      settings.peak_reset = Nanos(-1);
    } else if (iequals(value, "reset")) {
      settings.peak_reset = server::ReplyBufferSettings::kPeakReset;
    } else {
      const auto milliseconds = parse_int64(value);
      if (!milliseconds || *milliseconds < 0 || *milliseconds > INT64_MAX / 1'000'000) {
        return call.reply.error(kNotInteger);
      }
      settings.peak_reset = Millis(*milliseconds);
    }
  } else if (iequals(what, "resizing")) {
    settings.resizing = value != "0";
  } else {
    return call.reply.error(kSyntaxError);
  }
  call.reply.ok();
}

}  // namespace holdfast::node::handlers
