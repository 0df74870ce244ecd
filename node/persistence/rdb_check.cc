#include "node/persistence/rdb_check.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "common/base/text.h"
#include "node/persistence/rdb_decoder.h"
#include "node/persistence/rdb_format.h"
#include "node/persistence/rdb_reader.h"
#include "node/persistence/rdb_value.h"

namespace holdfast::node {

namespace {

class Checker {
 public:
  Checker(ByteSource& source, std::string_view name, WallTime now, const SayLine& say)
      : in_(source, true), name_(name), now_(now), say_(say) {}

  RdbCheck run() {
    say_(fmt::format("[offset 0] Checking RDB file {}", name_));
    check_.sound = read_header() && read_records() && read_checksum();
    check_.bytes = in_.offset();
    if (check_.sound) {
      place("\\o/ RDB looks OK! \\o/");
    } else {
      tell_fault();
    }
    say_(fmt::format("[info] {} keys read", check_.keys));
    say_(fmt::format("[info] {} expires", check_.expires));
    say_(fmt::format("[info] {} already expired", check_.expired));
    return check_;
  }

 private:
  void place(std::string_view text) { say_(fmt::format("[offset {}] {}", in_.offset(), text)); }
  bool fault(std::string text) { return in_.failed({std::move(text), 0}); }

  void tell_fault() {
    const std::string& text = in_.error().text;
    say_("--- RDB ERROR DETECTED ---");
    place(text == RdbDecoder::kShortRead ? "Unexpected EOF reading RDB file" : std::string_view(text));
    say_(fmt::format("[additional info] While doing: {}", doing_));
    if (type_) {
      if (!key_.empty()) say_(fmt::format("[additional info] Reading key {}", quoted(key_)));
      const RdbValueType* row = find_rdb_value_type(*type_);
      say_(fmt::format("[additional info] Reading type {} ({})", *type_, row == nullptr ? "unknown" : row->name));
    }
  }

  bool read_header() {
    char header[rdb::kHeaderBytes];
    if (!in_.read_bytes(header, sizeof header)) return false;
    auto version = rdb_version({header, sizeof header});
    if (!version) return fault(version.error().text);
    version_ = *version;
    return true;
  }

  bool read_records() {
    for (;;) {
      doing_ = "read-type";
      type_.reset();
      uint8_t lead = 0;
      if (!in_.read_byte(lead)) return false;
      if (lead == rdb::kEof) return true;
      if (!(lead >= rdb::kSlotInfo ? read_opcode(lead) : read_entry(lead))) return false;
    }
  }

  bool skip_lengths(int count, std::string_view doing) {
    doing_ = doing;
    uint64_t ignored = 0;
    for (int i = 0; i < count; ++i) {
      if (!in_.read_length(ignored)) return false;
    }
    return true;
  }

  bool read_opcode(uint8_t opcode) {
    uint64_t number = 0;
    uint8_t byte = 0;
    switch (opcode) {
      case rdb::kAux:
        return read_aux();
      case rdb::kSelectDb:
        doing_ = "read-length";
        if (!in_.read_length(number)) return false;
        place(fmt::format("Selecting DB ID {}", number));
        return true;
      case rdb::kResizeDb:
        return skip_lengths(2, "read-length");
      case rdb::kSlotInfo:
        return skip_lengths(3, "read-length");
      case rdb::kIdle:
        return skip_lengths(1, "read-length");
      case rdb::kFreq:
        return in_.read_byte(byte);
      case rdb::kExpireTimeMs:
      case rdb::kExpireTime:
        doing_ = "read-expire";
        if (!in_.read_little_endian(number, opcode == rdb::kExpireTimeMs ? 8 : 4)) return false;
        expires_ms_ = opcode == rdb::kExpireTimeMs ? static_cast<int64_t>(number)
                                                   : int64_t{static_cast<int32_t>(number)} * 1000;
        return true;
      case rdb::kFunction2:
        doing_ = "read-functions";
        return in_.skip_string();
      case rdb::kFunctionPreGa:
        doing_ = "read-functions";
        return fault("Pre-release function format not supported.");
      default:
        doing_ = "read-module-aux";
        return fault("The file holds data of a module");
    }
  }

  bool read_aux() {
    doing_ = "read-aux";
    std::string name, value;
    if (!in_.read_string(name) || !in_.read_string(value)) return false;
    place(fmt::format("AUX FIELD {} = '{}'", printable(name), printable(value)));
    return true;
  }

  // Names and values of a damaged file may be anything.
  static std::string printable(std::string_view text) {
    const std::string words = quoted(text.substr(0, 200));
    return words.substr(1, words.size() - 2);
  }

  bool read_entry(uint8_t type) {
    type_ = type;
    key_.clear();
    const RdbValueType* row = find_rdb_value_type(type);
    if (row == nullptr) return fault(fmt::format("Invalid object type: {}", type));
    doing_ = "read-key";
    if (!in_.read_string(key_)) return false;
    doing_ = "read-object-value";
    if (row->read == nullptr) return fault(fmt::format("Values of type {} are not supported", row->name));
    std::optional<Value> value;
    if (!row->read(in_, {}, value)) return false;
    ++check_.keys;
    if (const auto expires_ms = std::exchange(expires_ms_, std::nullopt)) {
      ++check_.expires;
      check_.expired += *expires_ms < to_unix_ms(now_);
    }
    return true;
  }

  bool read_checksum() {
    doing_ = "check-sum";
    if (version_ < rdb::kFirstVersionWithChecksum) return true;
    const uint64_t computed = in_.checksum();
    uint64_t stored = 0;
    if (!in_.read_little_endian(stored, 8)) return false;
    if (stored == 0) {
      place("RDB file was saved with checksum disabled: no check performed.");
      return true;
    }
    if (stored != computed) return fault("RDB CRC error");
    place("Checksum OK");
    return true;
  }

  RdbDecoder in_;
  const std::string_view name_;
  const WallTime now_;
  const SayLine& say_;
  RdbCheck check_;
  int version_ = 0;
  std::string_view doing_ = "start";
  std::optional<uint8_t> type_;  // of the value being read
  std::string key_;
  std::optional<int64_t> expires_ms_;  // of the next key
};

}  // namespace

RdbCheck check_rdb(ByteSource& source, std::string_view name, WallTime now, const SayLine& say) {
  return Checker(source, name, now, say).run();
}

}  // namespace holdfast::node
