#include "node/persistence/old_encodings.h"

#include <charconv>
#include <cstddef>
#include <cstdint>

namespace holdfast::node {

namespace {

// A block read from front to back; a read past its end latches the failure and gives zeros.
class Block {
 public:
  explicit Block(std::string_view bytes) : bytes_(bytes) {}
  bool ok() const { return ok_; }
  size_t offset() const { return offset_; }
  size_t left() const { return bytes_.size() - offset_; }

  std::string_view take(uint64_t count) {
    if (!ok_ || count > left()) {
      ok_ = false;
      return {};
    }
    const std::string_view taken = bytes_.substr(offset_, static_cast<size_t>(count));
    offset_ += taken.size();
    return taken;
  }
  uint8_t byte() {
    const std::string_view one = take(1);
    return one.empty() ? 0 : static_cast<uint8_t>(one[0]);
  }
  uint64_t little_endian(size_t count) {
    uint64_t number = 0;
    const std::string_view bytes = take(count);
    for (size_t i = bytes.size(); i-- > 0;) number = number << 8 | static_cast<uint8_t>(bytes[i]);
    return number;
  }
  uint64_t big_endian(size_t count) {
    uint64_t number = 0;
    for (const char c : take(count)) number = number << 8 | static_cast<uint8_t>(c);
    return number;
  }

 private:
  std::string_view bytes_;
  size_t offset_ = 0;
  bool ok_ = true;
};

// A signed integer of `bytes` bytes.
int64_t signed_integer(Block& in, size_t bytes) {
  const unsigned unused = 64 - 8 * static_cast<unsigned>(bytes);
  return static_cast<int64_t>(in.little_endian(bytes) << unused) >> unused;
}

constexpr size_t kZiplistHeader = 10;
constexpr uint8_t kZiplistEnd = 0xff;
constexpr uint8_t kWidePrevious = 0xfe;
constexpr uint64_t kUnknownCount = 65535;

// The element behind the length of the one before; nothing when its encoding does not exist.
bool take_ziplist_element(Block& in, char (&digits)[24], std::string_view& text) {
  const uint8_t lead = in.byte();
  int64_t number;
  switch (lead >> 6) {
    case 0:
      text = in.take(lead & 0x3f);
      return in.ok();
    case 1:
      text = in.take((lead & 0x3fU) << 8 | in.byte());
      return in.ok();
    case 2:
      if (lead != 0x80) return false;
      text = in.take(in.big_endian(4));
      return in.ok();
    default:
      switch (lead) {
        case 0xc0:
          number = signed_integer(in, 2);
          break;
        case 0xd0:
          number = signed_integer(in, 4);
          break;
        case 0xe0:
          number = signed_integer(in, 8);
          break;
        case 0xf0:
          number = signed_integer(in, 3);
          break;
        case 0xfe:
          number = signed_integer(in, 1);
          break;
        default:
          if (lead < 0xf1 || lead > 0xfd) return false;
          number = lead - 0xf1;
      }
  }
  text = {digits, static_cast<size_t>(std::to_chars(digits, digits + sizeof digits, number).ptr - digits)};
  return in.ok();
}

constexpr uint8_t kZipmapEnd = 0xff;
constexpr uint8_t kZipmapWide = 254;

// A length whose first byte is `lead`.
uint64_t zipmap_length(Block& in, uint8_t lead) { return lead == kZipmapWide ? in.little_endian(4) : lead; }

}  // namespace

bool walk_ziplist(std::string_view block, const ElementVisitor& visit) {
  Block in(block);
  const uint64_t total = in.little_endian(4);
  const uint64_t tail = in.little_endian(4);
  const uint64_t count = in.little_endian(2);
  if (!in.ok() || total != block.size() || in.left() == 0) return false;
  uint64_t seen = 0;
  size_t previous = 0;                  // bytes of the entry before
  uint64_t last = kZiplistHeader;  // where the last entry starts; without entries, where one would
  while (in.left() > 1) {
    const size_t start = in.offset();
    const uint8_t lead = in.byte();
    if (lead == kZiplistEnd) return false;
    if ((lead == kWidePrevious ? in.little_endian(4) : lead) != previous) return false;
    char digits[24];
    std::string_view text;
    if (!take_ziplist_element(in, digits, text) || in.left() == 0 || !visit(text)) return false;
    previous = in.offset() - start;
    last = start;
    ++seen;
  }
  return in.byte() == kZiplistEnd && tail == last && (count == kUnknownCount || count == seen);
}

bool walk_zipmap(std::string_view block, const ElementVisitor& visit) {
  Block in(block);
  const uint8_t count = in.byte();
  uint64_t seen = 0;
  for (;;) {
    uint8_t lead = in.byte();
    if (!in.ok()) return false;
    if (lead == kZipmapEnd) break;
    const std::string_view key = in.take(zipmap_length(in, lead));
    lead = in.byte();
    if (!in.ok() || lead == kZipmapEnd) return false;
    const uint64_t length = zipmap_length(in, lead);
    const uint8_t unused = in.byte();
    const std::string_view value = in.take(length);
    in.take(unused);
    if (!in.ok() || !visit(key) || !visit(value)) return false;
    ++seen;
  }
  return in.left() == 0 && (count >= kZipmapWide || count == seen);
}

}  // namespace holdfast::node
