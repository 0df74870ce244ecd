// Values in the RDB format: one row per RDB type, one source file per family of types (rdb_string.cc ...).
//
// A new type is a reader function in its own file, its row in the table of rdb_value.cc, and a case in write_rdb_value.
// Nothing that is read is trusted, whatever sanitize-dump-payload says: blocks are checked to the last byte before an
// object takes them up, an element that is there twice is corruption, counts size no allocation. Readers
// convert old encodings element by element, and give values the form that the limits ask for.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "node/collections/limits.h"
#include "node/persistence/rdb_decoder.h"
#include "node/persistence/rdb_output.h"
#include "node/persistence/sliced_write.h"
#include "node/types/value.h"

namespace holdfast::node {

struct RdbValueType {
  uint8_t type;
  std::string_view name;
  // Reads the value after its type byte and key; false with the decoder's error latched. True without a value: it was
  // a collection without elements, which is no value. Null: refused.
  bool (*read)(RdbDecoder&, const EncodingLimits&, std::optional<Value>&);
};

// The row of an RDB type byte; null where the format has no such type.
const RdbValueType* find_rdb_value_type(uint8_t type);

// The type byte under which `value` is written, and its bytes (which follow the key).
uint8_t rdb_type_of(const Value& value);
void write_rdb_value(RdbOutput& out, const Value& value);
// The oldest version of the format that has everything in `value`.
int rdb_version_of(const Value& value);

// rdb_string.cc
bool read_rdb_string(RdbDecoder& in, const EncodingLimits& limits, std::optional<Value>& value);
void write_rdb_string(RdbOutput& out, const Value& value);

// rdb_list.cc
class ListObject;
bool read_rdb_list(RdbDecoder& in, const EncodingLimits& limits, std::optional<Value>& value);
bool read_rdb_list_ziplist(RdbDecoder& in, const EncodingLimits& limits, std::optional<Value>& value);
bool read_rdb_quicklist(RdbDecoder& in, const EncodingLimits& limits, std::optional<Value>& value);
bool read_rdb_quicklist_2(RdbDecoder& in, const EncodingLimits& limits, std::optional<Value>& value);
SlicedWrite write_rdb_list(RdbOutput& out, const ListObject& list);

// rdb_set.cc
class SetObject;
bool read_rdb_set(RdbDecoder& in, const EncodingLimits& limits, std::optional<Value>& value);
bool read_rdb_set_intset(RdbDecoder& in, const EncodingLimits& limits, std::optional<Value>& value);
bool read_rdb_set_listpack(RdbDecoder& in, const EncodingLimits& limits, std::optional<Value>& value);
uint8_t rdb_type_of(const SetObject& set);
void write_rdb_set(RdbOutput& out, const SetObject& set);

// rdb_zset.cc
class ZsetObject;
bool read_rdb_zset(RdbDecoder& in, const EncodingLimits& limits, std::optional<Value>& value);
bool read_rdb_zset_2(RdbDecoder& in, const EncodingLimits& limits, std::optional<Value>& value);
bool read_rdb_zset_listpack(RdbDecoder& in, const EncodingLimits& limits, std::optional<Value>& value);
bool read_rdb_zset_ziplist(RdbDecoder& in, const EncodingLimits& limits, std::optional<Value>& value);
uint8_t rdb_type_of(const ZsetObject& zset);
void write_rdb_zset(RdbOutput& out, const ZsetObject& zset);

// rdb_hash.cc
class HashObject;
bool read_rdb_hash(RdbDecoder& in, const EncodingLimits& limits, std::optional<Value>& value);
bool read_rdb_hash_listpack(RdbDecoder& in, const EncodingLimits& limits, std::optional<Value>& value);
bool read_rdb_hash_ziplist(RdbDecoder& in, const EncodingLimits& limits, std::optional<Value>& value);
bool read_rdb_hash_zipmap(RdbDecoder& in, const EncodingLimits& limits, std::optional<Value>& value);
bool read_rdb_hash_metadata(RdbDecoder& in, const EncodingLimits& limits, std::optional<Value>& value);
bool read_rdb_hash_metadata_pre_ga(RdbDecoder& in, const EncodingLimits& limits, std::optional<Value>& value);
bool read_rdb_hash_listpack_ex(RdbDecoder& in, const EncodingLimits& limits, std::optional<Value>& value);
bool read_rdb_hash_listpack_ex_pre_ga(RdbDecoder& in, const EncodingLimits& limits, std::optional<Value>& value);
uint8_t rdb_type_of(const HashObject& hash);
void write_rdb_hash(RdbOutput& out, const HashObject& hash);

// rdb_stream.cc
class StreamObject;
bool read_rdb_stream(RdbDecoder& in, const EncodingLimits& limits, std::optional<Value>& value);
bool read_rdb_stream_2(RdbDecoder& in, const EncodingLimits& limits, std::optional<Value>& value);
bool read_rdb_stream_3(RdbDecoder& in, const EncodingLimits& limits, std::optional<Value>& value);
SlicedWrite write_rdb_stream(RdbOutput& out, const StreamObject& stream);

}  // namespace holdfast::node
