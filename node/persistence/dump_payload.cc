#include "node/persistence/dump_payload.h"

#include "node/persistence/byte_stream.h"
#include "node/persistence/crc64.h"
#include "node/persistence/rdb_decoder.h"
#include "node/persistence/rdb_encoder.h"
#include "node/persistence/rdb_format.h"
#include "node/persistence/rdb_value.h"

namespace holdfast::node {

namespace {

constexpr size_t kVersionBytes = 2;
constexpr size_t kChecksumBytes = 8;

uint64_t little_endian(std::string_view bytes) {
  uint64_t number = 0;
  for (size_t i = bytes.size(); i-- > 0;) number = number << 8 | static_cast<uint8_t>(bytes[i]);
  return number;
}

}  // namespace

std::string dump_payload(const Value& value, bool compression) {
  StringSink sink;
  RdbEncoder out(sink, {.compression = compression, .checksum = true, .short_lzf = false});
  out.put_byte(rdb_type_of(value));
  write_rdb_value(out, value);
  out.put_little_endian(static_cast<uint64_t>(rdb_version_of(value)), kVersionBytes);
  out.put_checksum();
  return sink.text();
}

size_t serialized_length(const Value& value, bool compression) {
  StringSink sink;
  RdbEncoder out(sink, {.compression = compression, .checksum = false, .short_lzf = false});
  write_rdb_value(out, value);
  return static_cast<size_t>(out.bytes_put());
}

Result<Value> restore_payload(std::string_view payload, const EncodingLimits& limits, PayloadCheck check) {
  const auto wrong = [] { return fail("ERR DUMP payload version or checksum are wrong"); };
  if (payload.size() < kVersionBytes + kChecksumBytes) return wrong();
  const std::string_view summed = payload.substr(0, payload.size() - kChecksumBytes);
  const std::string_view body = summed.substr(0, summed.size() - kVersionBytes);
  if (little_endian(summed.substr(body.size())) > rdb::kMaxVersion) return wrong();
  if (check == PayloadCheck::full && little_endian(payload.substr(summed.size())) != crc64(0, summed)) return wrong();

  // The footer may be read as a part of a value that is cut short; Redis does the same.
  StringSource source(payload);
  RdbDecoder in(source, false);
  uint8_t type = 0;
  std::optional<Value> value;
  const auto bad = [] { return fail("ERR Bad data format"); };
  if (!in.read_byte(type)) return bad();
  const RdbValueType* row = find_rdb_value_type(type);
  if (row == nullptr || row->read == nullptr || !row->read(in, limits, value) || !value) return bad();
  return std::move(*value);
}

}  // namespace holdfast::node
