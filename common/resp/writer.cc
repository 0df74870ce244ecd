#include "common/resp/writer.h"

#include <charconv>

#include "common/base/text.h"

namespace holdfast::resp {

namespace {

// `type` number CR LF, formatted on the stack; returns its length.
template <class Number>
size_t format_line(char (&line)[32], char type, Number number) {
  line[0] = type;
  char* end = std::to_chars(line + 1, line + sizeof line - 2, number).ptr;
  *end++ = '\r';
  *end++ = '\n';
  return static_cast<size_t>(end - line);
}

}  // namespace

void Writer::header(char type, uint64_t count) {
  char line[32];
  out_->append(line, format_line(line, type, count));
}

void Writer::insert_header(size_t mark, char type, uint64_t count) {
  char line[32];
  const size_t length = format_line(line, type, count);
  out_->insert(mark, line, length);
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
  char line[32];
  out_->append(line, format_line(line, ':', value));
}

void Writer::bulk(std::string_view bytes) {
  header('$', bytes.size());
  out_->append(bytes);
  out_->append("\r\n");
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
  const std::string text = format_double(value);
  if (protocol_ == 3) {
    out_->push_back(',');
    out_->append(text);
    out_->append("\r\n");
  } else {
    bulk(text);
  }
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
  header('*', argv.size());
  for (const auto& argument : argv) bulk(argument);
}

}  // namespace holdfast::resp
