#include "node/persistence/aof_scan.h"

#include <algorithm>
#include <charconv>
#include <span>
#include <utility>

#include "common/base/text.h"
#include "node/persistence/aof_format.h"

namespace holdfast::node {

namespace {

constexpr size_t kBlockBytes = 256 * 1024;
constexpr size_t kMaxLengthLine = 128;   // of a length
constexpr size_t kMaxAnnotation = 1024;  // as for a load
constexpr size_t kLongestWord = 5;       // that matters: MULTI

class Scanner {
 public:
  Scanner(File& file, uint64_t offset, std::string_view name, std::optional<int64_t> until)
      : file_(file), at_(offset), name_(name), until_(until) {}

  Result<AofScan> run() {
    const auto size = file_.size();
    if (!size) return std::unexpected(size.error());
    scan_.size = *size;
    scan_.sound_bytes = at_;
    bool more = true;
    while (more && at_ < scan_.size && !error_) {
      const std::string_view lead = peek(1);
      if (lead.empty()) break;
      more = lead[0] == '#' ? scan_annotation() : scan_command(lead[0]);
      if (more && !in_transaction_) scan_.sound_bytes = at_;
    }
    if (error_) return std::unexpected(*error_);
    if (more && in_transaction_) (void)fault(at_, "Reached EOF before reading EXEC for MULTI");
    return std::move(scan_);
  }

 private:
  // The next bytes, fewer at the end of the file; nothing is consumed.
  std::string_view peek(size_t count) {
    if (at_ < start_ || at_ + count > start_ + filled_) {
      if (buffer_.empty()) buffer_.resize(kBlockBytes);
      start_ = at_;
      filled_ = 0;
      while (filled_ < count) {
        const auto part = file_.read_at(start_ + filled_, std::span(buffer_).subspan(filled_));
        if (!part) {
          error_ = part.error();
          return {};
        }
        if (*part == 0) break;
        filled_ += *part;
      }
    }
    const std::string_view known(buffer_.data(), filled_);
    return known.substr(at_ - start_, count);
  }

  bool fault(uint64_t offset, std::string text) {
    if (scan_.fault.empty()) {
      scan_.fault = std::move(text);
      scan_.fault_offset = offset;
    }
    return false;
  }

  bool scan_annotation() {
    const std::string_view known = peek(kMaxAnnotation);
    const size_t end = known.find('\n');
    if (end == std::string_view::npos) {
      return fault(at_, known.size() < kMaxAnnotation ? "Reached EOF in an annotation" : "Too long annotation");
    }
    std::string_view text = known.substr(1, end - 1);
    if (text.ends_with('\r')) text.remove_suffix(1);
    if (until_ && text.starts_with(aof::kTimestamp)) {
      const auto seconds = parse_int64(text.substr(aof::kTimestamp.size()));
      if (seconds && *seconds > *until_) {
        scan_.cut = at_;
        return false;
      }
    }
    at_ += end + 1;
    ++scan_.lines;
    return true;
  }

  bool read_length(char prefix, int64_t& length) {
    const std::string_view line = peek(kMaxLengthLine);
    if (line.empty()) return fault(at_, "Unexpected end of file");
    if (line[0] != prefix) return fault(at_, fmt::format("Expected prefix '{}', got: {}", prefix, shown(line[0])));
    const char* const end = line.data() + line.size();
    const auto [rest, wrong] = std::from_chars(line.data() + 1, end, length);
    const std::string_view behind(rest, static_cast<size_t>(end - rest));
    if (wrong != std::errc() || !behind.starts_with("\r\n")) return no_line_end(at_, behind);
    at_ += static_cast<size_t>(rest - line.data()) + 2;
    ++scan_.lines;
    return true;
  }

  static std::string shown(char c) { return c > ' ' && c < 127 ? fmt::format("'{}'", c) : fmt::format("0x{:02x}", static_cast<uint8_t>(c)); }

  bool no_line_end(uint64_t offset, std::string_view got) {
    const auto byte = [&](size_t i) { return static_cast<uint8_t>(i < got.size() ? got[i] : '\0'); };
    return fault(offset, fmt::format("Expected \\r\\n, got: {:02x}{:02x}", byte(0), byte(1)));
  }

  bool scan_command(char lead) {
    if (lead != '*') {
      scan_.no_command = true;
      return fault(at_, fmt::format("Expected prefix '*', got: {}", shown(lead)));
    }
    const uint64_t start = at_;
    int64_t count = 0;
    if (!read_length('*', count)) return false;
    if (count < 1) return fault(start, fmt::format("A command of {} arguments", count));
    uint64_t word_at = 0;
    std::string word;
    for (int64_t i = 0; i < count; ++i) {
      if (!read_argument(i == 0 ? &word : nullptr, word_at)) return false;
    }
    if (count > 1) return true;
    if (iequals(word, "MULTI")) {
      if (std::exchange(in_transaction_, true)) return fault(word_at, fmt::format("Unexpected MULTI in AOF {}", name_));
    } else if (iequals(word, "EXEC")) {
      if (!std::exchange(in_transaction_, false)) return fault(word_at, fmt::format("Unexpected EXEC in AOF {}", name_));
    }
    return true;
  }

  bool read_argument(std::string* word, uint64_t& word_at) {
    const uint64_t line_at = at_;
    int64_t length = 0;
    if (!read_length('$', length)) return false;
    if (length < 0) {
      return fault(line_at, fmt::format("Expected to read string of {} bytes, which is not in the suitable range", length));
    }
    const uint64_t start = at_;
    const auto wanted = static_cast<uint64_t>(length) + 2;
    if (wanted > scan_.size - start) {
      return fault(start, fmt::format("Expected to read {} bytes, got {} bytes", wanted, scan_.size - start));
    }
    if (word != nullptr) {
      word_at = start;
      if (static_cast<size_t>(length) <= kLongestWord) *word = peek(static_cast<size_t>(length));
    }
    at_ = start + static_cast<uint64_t>(length);
    if (const std::string_view end = peek(2); end != "\r\n") {
      at_ = start;
      return no_line_end(start, end);
    }
    at_ += 2;
    ++scan_.lines;
    return true;
  }

  File& file_;
  uint64_t at_;
  const std::string_view name_;
  const std::optional<int64_t> until_;
  AofScan scan_;
  bool in_transaction_ = false;
  std::string buffer_;
  uint64_t start_ = 0;  // file offset of buffer_[0]
  size_t filled_ = 0;
  std::optional<Error> error_;
};

}  // namespace

Result<AofScan> scan_aof(File& file, uint64_t offset, std::string_view name, std::optional<int64_t> until) {
  return Scanner(file, offset, name, until).run();
}

}  // namespace holdfast::node
