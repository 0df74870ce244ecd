// Writes RESP2 or RESP3 (protocol 2 or 3) values at the end of a byte buffer that the caller owns.
//
// One writer serves both directions: replies of a server and commands to one. Where a type exists in RESP3 only, RESP2
// gets what Redis sends there (a map becomes a flat array, a double a bulk string, null a null bulk). Not thread-safe.
// Source: the RESP specification in Redis's documentation ("Redis serialization protocol specification").
#pragma once

#include <cstdint>
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
  void bulk_integer(int64_t value);  // a number as a bulk string
  void command(std::span<const std::string_view> argv);
  void raw(std::string_view bytes) { out_->append(bytes); }

  // An aggregate whose length is known only when its elements are written: take a mark, write, then close it.
  size_t begin_deferred() const { return out_->size(); }
  void end_deferred_array(size_t mark, size_t count) { insert_header(mark, '*', count); }
  void end_deferred_set(size_t mark, size_t count) { insert_header(mark, protocol_ == 3 ? '~' : '*', count); }
  void end_deferred_map(size_t mark, size_t pairs);

 private:
  void header(char type, uint64_t count);
  void insert_header(size_t mark, char type, uint64_t count);

  std::string* out_;
  int protocol_;
};

}  // namespace holdfast::resp
