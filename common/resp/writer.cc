#include "common/resp/writer.h"

#include <charconv>
#include <cstring>

#include "common/base/text.h"

namespace holdfast::resp {

void Writer::header(char type, uint64_t count) {
  write(kBulkOverhead, [=](char* to) { return put_line(to, type, count); });
}

void Writer::insert_header(size_t mark, char type, uint64_t count) {
  char line[kBulkOverhead];
  out_->insert(mark, line, static_cast<size_t>(put_line(line, type, count) - line));
}

void Writer::end_deferred_map(size_t mark, size_t pairs) {
  if (protocol_ == 3) {
    insert_header(mark, '%', pairs);
  } else {
    insert_header(mark, '*', pairs * 2);
  }
}

void Writer::simple(std::string_view text) {
  out_->push_back('+');
  out_->append(text);
  out_->append("\r\n");
}

void Writer::error(std::string_view text) {
  out_->push_back('-');
  const size_t start = out_->size();
  out_->append(text);
  for (size_t i = start; i < out_->size(); ++i) {
    if ((*out_)[i] == '\r' || (*out_)[i] == '\n') (*out_)[i] = ' ';
  }
  out_->append("\r\n");
}

void Writer::integer(int64_t value) {
  if (value >= 0) return header(':', static_cast<uint64_t>(value));
  write(kBulkOverhead, [value](char* to) {
    *to = ':';
    to = std::to_chars(to + 1, to + kBulkOverhead - 2, value).ptr;
    std::memcpy(to, "\r\n", 2);
    return to + 2;
  });
}

void Writer::bulk(std::string_view bytes) {
  write(bytes.size() + kBulkOverhead, [bytes](char* to) { return put_bulk(to, bytes); });
}

void Writer::null() { out_->append(protocol_ == 3 ? "_\r\n" : "$-1\r\n"); }
void Writer::null_array() { out_->append(protocol_ == 3 ? "_\r\n" : "*-1\r\n"); }

void Writer::map(size_t pairs) {
  if (protocol_ == 3) {
    header('%', pairs);
  } else {
    header('*', pairs * 2);
  }
}

void Writer::boolean(bool value) {
  if (protocol_ == 3) {
    out_->append(value ? "#t\r\n" : "#f\r\n");
  } else {
    integer(value ? 1 : 0);
  }
}

void Writer::real(double value) {
  char text[kDoubleChars];
  const auto length = static_cast<size_t>(write_double(text, value) - text);
  if (protocol_ != 3) return bulk({text, length});
  out_->push_back(',');
  out_->append(text, length);
  out_->append("\r\n");
}

void Writer::big_number(std::string_view digits) {
  if (protocol_ == 3) {
    out_->push_back('(');
    out_->append(digits);
    out_->append("\r\n");
  } else {
    bulk(digits);
  }
}

void Writer::verbatim(std::string_view bytes, std::string_view format) {
  if (protocol_ != 3) return bulk(bytes);
  header('=', bytes.size() + 4);
  out_->append(format);
  out_->push_back(':');
  out_->append(bytes);
  out_->append("\r\n");
}

void Writer::bulk_integer(int64_t value) {
  char text[24];
  const char* end = std::to_chars(text, text + sizeof text, value).ptr;
  bulk({text, static_cast<size_t>(end - text)});
}

void Writer::command(std::span<const std::string_view> argv) {
  size_t most = kBulkOverhead;
  for (const auto& argument : argv) most += argument.size() + kBulkOverhead;
  write(most, [argv](char* to) {
    to = put_line(to, '*', argv.size());
    for (const auto& argument : argv) to = put_bulk(to, argument);
    return to;
  });
}

}  // namespace holdfast::resp
