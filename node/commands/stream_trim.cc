#include "node/commands/stream_trim.h"

#include "node/commands/arguments.h"
#include "node/commands/node.h"
#include "node/commands/stream_arguments.h"

namespace holdfast::node {

namespace {

using Trimming = StreamAddOptions::Trimming;

class OptionsReader {
 public:
  OptionsReader(Call& call, StreamOptionsOf command, StreamAddOptions& options)
      : call_(call), command_(command), options_(options) {}

  // False: an error has been answered.
  bool read() {
    for (size_t i = 2; i < call_.argc(); ++i) {
      const std::string_view word = call_.args[i];
      const size_t left = call_.argc() - i - 1;
      const bool adds = command_ == StreamOptionsOf::xadd;
      if (adds && word == "*") {
        options_.id_argument = i;
        break;
      }
      if (iequals(word, "MAXLEN") && left > 0) {
        if (!read_threshold(Trimming::length, i)) return false;
      } else if (iequals(word, "MINID") && left > 0) {
        if (!read_threshold(Trimming::id, i)) return false;
      } else if (iequals(word, "LIMIT") && left > 0) {
        limit_ = read_integer(call_, call_.args[++i]);
        if (!limit_) return false;
        if (*limit_ < 0) return refuse("ERR The LIMIT argument must be >= 0.");
      } else if (adds && iequals(word, "NOMKSTREAM")) {
        options_.no_create = true;
      } else if (adds) {
        options_.id = parse_stream_id(word, 0);
        if (!options_.id) return refuse(kInvalidStreamId);
        options_.id_argument = i;
        break;
      } else {
        return refuse(kSyntaxError);
      }
    }
    return judged();
  }

 private:
  bool refuse(std::string_view error) {
    call_.reply.error(error);
    return false;
  }

  // The argument `i` is MAXLEN or MINID; goes on to the threshold.
  bool read_threshold(Trimming kind, size_t& i) {
    if (options_.trimming != Trimming::none) {
      return refuse("ERR syntax error, MAXLEN and MINID options at the same time are not compatible");
    }
    const std::string_view next = call_.args[i + 1];
    if (call_.argc() - i - 1 >= 2 && (next == "~" || next == "=")) {
      options_.approximate = next == "~";
      ++i;
    }
    const std::string_view text = call_.args[++i];
    if (kind == Trimming::length) {
      const auto length = read_integer(call_, text);
      if (!length) return false;
      if (*length < 0) return refuse("ERR The MAXLEN argument must be >= 0.");
      options_.trim.keep = static_cast<uint64_t>(*length);
    } else {
      const auto id = read_stream_id(call_, text);
      if (!id) return false;
      options_.trim.min_id = *id;
    }
    options_.trimming = kind;
    options_.threshold = i;
    return true;
  }

  bool judged() {
    if (limit_ && *limit_ > 0 && options_.trimming == Trimming::none) {
      return refuse("ERR syntax error, LIMIT cannot be used without specifying a trimming strategy");
    }
    if (command_ == StreamOptionsOf::xtrim && options_.trimming == Trimming::none) {
      return refuse("ERR syntax error, XTRIM must be called with specifying a trimming strategy");
    }
    options_.trim.whole_blocks = options_.approximate;
    // What a primary or a log says has been made exact; how long it took there is no matter here.
    if (call_.origin != Origin::client) return true;
    if (limit_) {
      if (!options_.approximate) return refuse("ERR syntax error, LIMIT cannot be used without the special ~ option");
      options_.trim.most = static_cast<uint64_t>(*limit_);
    } else if (options_.approximate) {
      constexpr uint64_t kBlocks = 100, kUnlimitedBlocks = 10000, kMost = 1000000;
      const uint64_t entries = call_.node.config().encodings.stream_node_entries;
      options_.trim.most = entries == 0 ? kUnlimitedBlocks : std::min(kMost, kBlocks * std::min(entries, kMost));
    }
    return true;
  }

  Call& call_;
  StreamOptionsOf command_;
  StreamAddOptions& options_;
  std::optional<int64_t> limit_;
};

}  // namespace

std::optional<StreamAddOptions> read_stream_options(Call& call, StreamOptionsOf command) {
  std::optional<StreamAddOptions> options(std::in_place);
  if (!OptionsReader(call, command, *options).read()) options.reset();
  return options;
}

void make_trim_exact(const StreamAddOptions& options, const StreamObject& stream, std::vector<std::string>& words) {
  if (!options.approximate) return;
  words[options.threshold - 1] = "=";
  if (options.trimming == Trimming::length) {
    words[options.threshold] = std::to_string(stream.size());
    return;
  }
  // Deleted entries still lie in their block there too.
  const auto head = stream.nodes().first();
  words[options.threshold] = std::string_view((head ? (*head)->first().id : kLastStreamId).text());
}

}  // namespace holdfast::node
