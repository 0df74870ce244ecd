// The options of XADD and XTRIM: how a stream is trimmed, and the ID of a new entry. Errors are answered by the reader.
#pragma once

#include <optional>

#include "node/collections/stream_object.h"
#include "node/commands/call.h"

namespace holdfast::node {

struct StreamAddOptions {
  enum class Trimming : uint8_t { none, length, id };
  Trimming trimming = Trimming::none;
  bool approximate = false;    // "~"
  size_t threshold = 0;        // which argument says up to where
  StreamObject::Trim trim;
  bool no_create = false;      // NOMKSTREAM
  // Of XADD: no ID is "*".
  std::optional<StreamIdText> id;
  size_t id_argument = 0;
};

enum class StreamOptionsOf : uint8_t { xadd, xtrim };
std::optional<StreamAddOptions> read_stream_options(Call& call, StreamOptionsOf command);

// The arguments with which the same is trimmed exactly elsewhere: `words` are the command's.
void make_trim_exact(const StreamAddOptions& options, const StreamObject& stream, std::vector<std::string>& words);

}  // namespace holdfast::node
