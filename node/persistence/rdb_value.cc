#include "node/persistence/rdb_value.h"

#include <array>

#include "common/base/assert.h"
#include "node/collections/list_object.h"
#include "node/persistence/rdb_format.h"

namespace holdfast::node {

namespace {

constexpr std::array kTypes = {
    RdbValueType{rdb::kTypeString, "string", read_rdb_string},
    RdbValueType{rdb::kTypeList, "list", read_rdb_list},
    RdbValueType{rdb::kTypeSet, "set", nullptr},
    RdbValueType{rdb::kTypeZset, "zset", nullptr},
    RdbValueType{rdb::kTypeHash, "hash", nullptr},
    RdbValueType{rdb::kTypeZset2, "zset-2", nullptr},
    RdbValueType{rdb::kTypeModule, "module", nullptr},
    RdbValueType{rdb::kTypeModule2, "module-2", nullptr},
    RdbValueType{rdb::kTypeHashZipmap, "hash-zipmap", nullptr},
    RdbValueType{rdb::kTypeListZiplist, "list-ziplist", read_rdb_list_ziplist},
    RdbValueType{rdb::kTypeSetIntset, "set-intset", nullptr},
    RdbValueType{rdb::kTypeZsetZiplist, "zset-ziplist", nullptr},
    RdbValueType{rdb::kTypeHashZiplist, "hash-ziplist", nullptr},
    RdbValueType{rdb::kTypeQuicklist, "list-quicklist", read_rdb_quicklist},
    RdbValueType{rdb::kTypeStream, "stream-listpacks", nullptr},
    RdbValueType{rdb::kTypeHashListpack, "hash-listpack", nullptr},
    RdbValueType{rdb::kTypeZsetListpack, "zset-listpack", nullptr},
    RdbValueType{rdb::kTypeQuicklist2, "list-quicklist-2", read_rdb_quicklist_2},
    RdbValueType{rdb::kTypeStream2, "stream-listpacks-2", nullptr},
    RdbValueType{rdb::kTypeSetListpack, "set-listpack", nullptr},
    RdbValueType{rdb::kTypeStream3, "stream-listpacks-3", nullptr},
    RdbValueType{rdb::kTypeHashMetadataPreGa, "hash-metadata-pre-ga", nullptr},
    RdbValueType{rdb::kTypeHashListpackExPreGa, "hash-listpack-ex-pre-ga", nullptr},
    RdbValueType{rdb::kTypeHashMetadata, "hash-metadata", nullptr},
    RdbValueType{rdb::kTypeHashListpackEx, "hash-listpack-ex", nullptr},
};

}  // namespace

const RdbValueType* find_rdb_value_type(uint8_t type) {
  for (const RdbValueType& row : kTypes) {
    if (row.type == type) return &row;
  }
  return nullptr;
}

uint8_t rdb_type_of(const Value& value) {
  switch (value.type()) {
    case ValueType::string:
      return rdb::kTypeString;
    case ValueType::list:
      return rdb::kTypeQuicklist2;
    default:
      HOLDFAST_ASSERT(false);
  }
}

void write_rdb_value(RdbEncoder& out, const Value& value) {
  switch (value.type()) {
    case ValueType::string:
      return write_rdb_string(out, value);
    case ValueType::list:
      return write_rdb_list(out, static_cast<const ListObject&>(value.object()));
    default:
      HOLDFAST_ASSERT(false);
  }
}

int rdb_version_of(const Value&) { return rdb::kWriteVersion; }

}  // namespace holdfast::node
