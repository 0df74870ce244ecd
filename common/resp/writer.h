// Writes RESP2 or RESP3 (protocol 2 or 3) values at the end of a byte buffer that the caller owns.
//
// One writer serves both directions: replies of a server and commands to one. Where a type exists in RESP3 only, RESP2
// gets what Redis sends there (a map becomes a flat array, a double a bulk string, null a null bulk). Not thread-safe.
// Source: the RESP specification in Redis's documentation ("Redis serialization protocol specification").
#pragma once

#include <charconv>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace holdfast::resp {

class Writer {
 public:
  explicit Writer(std::string& out, int protocol = 2) : out_(&out), protocol_(protocol) {}

  int protocol() const { return protocol_; }
  void set_protocol(int protocol) { protocol_ = protocol; }
  std::string& buffer() { return *out_; }

  void ok() { out_->append("+OK\r\n"); }
  void simple(std::string_view text);
  // `text` starts with its code ("ERR no such key"); line breaks in it become spaces.
  void error(std::string_view text);
  void integer(int64_t value);
  void bulk(std::string_view bytes);
  void null();        // RESP2: null bulk string
  void null_array();  // RESP2: null array
  void array(size_t count) { header('*', count); }
  void map(size_t pairs);
  void set(size_t count) { header(protocol_ == 3 ? '~' : '*', count); }
  void push(size_t count) { header(protocol_ == 3 ? '>' : '*', count); }
  void boolean(bool value);
  void real(double value);
  void big_number(std::string_view digits);
  void verbatim(std::string_view bytes, std::string_view format = "txt");  // format: three letters
  // Many values at little cost: write(char*) writes up to `most` bytes and returns where it ended. put_bulk() writes one
  // bulk string, of its length and kBulkOverhead bytes at most, and returns its end.
  template <class Write>
  void write(size_t most, Write&& write) {
    const size_t before = out_->size();
    out_->resize_and_overwrite(before + most, [&](char* text, size_t) {
      return static_cast<size_t>(write(text + before) - text);
    });
  }
  static constexpr size_t kBulkOverhead = 32;
  static char* put_bulk(char* to, std::string_view bytes) {
    to = put_bytes(put_line(to, '$', bytes.size()), bytes);
    std::memcpy(to, "\r\n", 2);
    return to + 2;
  }
  void bulk_integer(int64_t value);  // a number as a bulk string
  void command(std::span<const std::string_view> argv);
  void raw(std::string_view bytes) { out_->append(bytes); }

  // An aggregate whose length is known only when its elements are written: take a mark, write, then close it.
  size_t begin_deferred() const { return out_->size(); }
  void end_deferred_array(size_t mark, size_t count) { insert_header(mark, '*', count); }
  void end_deferred_set(size_t mark, size_t count) { insert_header(mark, protocol_ == 3 ? '~' : '*', count); }
  void end_deferred_map(size_t mark, size_t pairs);

 private:
  // `type` number CR LF: at most kBulkOverhead - 2 bytes; returns where it ends.
  static char* put_line(char* to, char type, uint64_t number) {
    *to++ = type;
    if (number < 10) {
      *to++ = static_cast<char>('0' + number);
    } else if (number < 100) {
      *to++ = static_cast<char>('0' + number / 10);
      *to++ = static_cast<char>('0' + number % 10);
    } else {
      to = std::to_chars(to, to + kBulkOverhead - 8, number).ptr;
    }
    std::memcpy(to, "\r\n", 2);
    return to + 2;
  }
  // Copies without a call where there is little to copy.
  static char* put_bytes(char* to, std::string_view bytes) {
    const char* from = bytes.data();
    const size_t size = bytes.size();
    if (size > 16) {
      std::memcpy(to, from, size);
    } else if (size >= 8) {
      uint64_t first, last;
      std::memcpy(&first, from, 8);
      std::memcpy(&last, from + size - 8, 8);
      std::memcpy(to, &first, 8);
      std::memcpy(to + size - 8, &last, 8);
    } else if (size >= 4) {
      uint32_t first, last;
      std::memcpy(&first, from, 4);
      std::memcpy(&last, from + size - 4, 4);
      std::memcpy(to, &first, 4);
      std::memcpy(to + size - 4, &last, 4);
    } else {
      for (size_t i = 0; i < size; ++i) to[i] = from[i];
    }
    return to + size;
  }
  void header(char type, uint64_t count);
  void insert_header(size_t mark, char type, uint64_t count);

  std::string* out_;
  int protocol_;
};

}  // namespace holdfast::resp
