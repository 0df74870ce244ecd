#include "node/persistence/rdb_value.h"

#include <array>

#include "common/base/assert.h"
#include "node/persistence/rdb_format.h"

namespace holdfast::node {

namespace {

constexpr std::array kTypes = {
    RdbValueType{rdb::kTypeString, "string", read_rdb_string},
    RdbValueType{1, "list", nullptr},
    RdbValueType{2, "set", nullptr},
    RdbValueType{3, "zset", nullptr},
    RdbValueType{4, "hash", nullptr},
    RdbValueType{5, "zset-2", nullptr},
    RdbValueType{6, "module", nullptr},
    RdbValueType{7, "module-2", nullptr},
    RdbValueType{9, "hash-zipmap", nullptr},
    RdbValueType{10, "list-ziplist", nullptr},
    RdbValueType{11, "set-intset", nullptr},
    RdbValueType{12, "zset-ziplist", nullptr},
    RdbValueType{13, "hash-ziplist", nullptr},
    RdbValueType{14, "list-quicklist", nullptr},
    RdbValueType{15, "stream-listpacks", nullptr},
    RdbValueType{16, "hash-listpack", nullptr},
    RdbValueType{17, "zset-listpack", nullptr},
    RdbValueType{18, "list-quicklist-2", nullptr},
    RdbValueType{19, "stream-listpacks-2", nullptr},
    RdbValueType{20, "set-listpack", nullptr},
    RdbValueType{21, "stream-listpacks-3", nullptr},
    RdbValueType{22, "hash-metadata-pre-ga", nullptr},
    RdbValueType{23, "hash-listpack-ex-pre-ga", nullptr},
    RdbValueType{24, "hash-metadata", nullptr},
    RdbValueType{25, "hash-listpack-ex", nullptr},
};

}  // namespace

const RdbValueType* find_rdb_value_type(uint8_t type) {
  for (const RdbValueType& row : kTypes) {
    if (row.type == type) return &row;
  }
  return nullptr;
}

uint8_t rdb_type_of(const Value& value) {
  HOLDFAST_ASSERT(value.type() == ValueType::string);
  return rdb::kTypeString;
}

void write_rdb_value(RdbEncoder& out, const Value& value) {
  HOLDFAST_ASSERT(value.type() == ValueType::string);
  write_rdb_string(out, value);
}

}  // namespace holdfast::node
