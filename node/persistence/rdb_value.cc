#include "node/persistence/rdb_value.h"

#include <array>

#include "node/collections/hash_object.h"
#include "node/collections/list_object.h"
#include "node/collections/set_object.h"
#include "node/collections/stream_object.h"
#include "node/collections/zset_object.h"
#include "node/persistence/rdb_format.h"

namespace holdfast::node {

namespace {

constexpr std::array kTypes = {
    RdbValueType{rdb::kTypeString, "string", read_rdb_string},
    RdbValueType{rdb::kTypeList, "list", read_rdb_list},
    RdbValueType{rdb::kTypeSet, "set", read_rdb_set},
    RdbValueType{rdb::kTypeZset, "zset", read_rdb_zset},
    RdbValueType{rdb::kTypeHash, "hash", read_rdb_hash},
    RdbValueType{rdb::kTypeZset2, "zset-2", read_rdb_zset_2},
    RdbValueType{rdb::kTypeModule, "module", nullptr},
    RdbValueType{rdb::kTypeModule2, "module-2", nullptr},
    RdbValueType{rdb::kTypeHashZipmap, "hash-zipmap", read_rdb_hash_zipmap},
    RdbValueType{rdb::kTypeListZiplist, "list-ziplist", read_rdb_list_ziplist},
    RdbValueType{rdb::kTypeSetIntset, "set-intset", read_rdb_set_intset},
    RdbValueType{rdb::kTypeZsetZiplist, "zset-ziplist", read_rdb_zset_ziplist},
    RdbValueType{rdb::kTypeHashZiplist, "hash-ziplist", read_rdb_hash_ziplist},
    RdbValueType{rdb::kTypeQuicklist, "list-quicklist", read_rdb_quicklist},
    RdbValueType{rdb::kTypeStream, "stream-listpacks", read_rdb_stream},
    RdbValueType{rdb::kTypeHashListpack, "hash-listpack", read_rdb_hash_listpack},
    RdbValueType{rdb::kTypeZsetListpack, "zset-listpack", read_rdb_zset_listpack},
    RdbValueType{rdb::kTypeQuicklist2, "list-quicklist-2", read_rdb_quicklist_2},
    RdbValueType{rdb::kTypeStream2, "stream-listpacks-2", read_rdb_stream_2},
    RdbValueType{rdb::kTypeSetListpack, "set-listpack", read_rdb_set_listpack},
    RdbValueType{rdb::kTypeStream3, "stream-listpacks-3", read_rdb_stream_3},
    RdbValueType{rdb::kTypeHashMetadataPreGa, "hash-metadata-pre-ga", read_rdb_hash_metadata_pre_ga},
    RdbValueType{rdb::kTypeHashListpackExPreGa, "hash-listpack-ex-pre-ga", read_rdb_hash_listpack_ex_pre_ga},
    RdbValueType{rdb::kTypeHashMetadata, "hash-metadata", read_rdb_hash_metadata},
    RdbValueType{rdb::kTypeHashListpackEx, "hash-listpack-ex", read_rdb_hash_listpack_ex},
};

}  // namespace

const RdbValueType* find_rdb_value_type(uint8_t type) {
  static constexpr auto kRows = [] {
    std::array<uint8_t, 256> rows{};  // one more than the row's number; 0: none
    for (size_t i = 0; i < kTypes.size(); ++i) rows[kTypes[i].type] = static_cast<uint8_t>(i + 1);
    return rows;
  }();
  return kRows[type] == 0 ? nullptr : &kTypes[kRows[type] - 1U];
}

uint8_t rdb_type_of(const Value& value) {
  switch (value.type()) {
    case ValueType::string:
      break;
    case ValueType::list:
      return rdb::kTypeQuicklist2;
    case ValueType::set:
      return rdb_type_of(static_cast<const SetObject&>(value.object()));
    case ValueType::zset:
      return rdb_type_of(static_cast<const ZsetObject&>(value.object()));
    case ValueType::hash:
      return rdb_type_of(static_cast<const HashObject&>(value.object()));
    case ValueType::stream:
      return rdb::kTypeStream2;
  }
  return rdb::kTypeString;
}

void write_rdb_value(RdbOutput& out, const Value& value) {
  switch (value.type()) {
    case ValueType::string:
      return write_rdb_string(out, value);
    case ValueType::list:
      return write_rdb_list(out, static_cast<const ListObject&>(value.object())).run();
    case ValueType::set:
      return write_rdb_set(out, static_cast<const SetObject&>(value.object()));
    case ValueType::zset:
      return write_rdb_zset(out, static_cast<const ZsetObject&>(value.object()));
    case ValueType::hash:
      return write_rdb_hash(out, static_cast<const HashObject&>(value.object()));
    case ValueType::stream:
      return write_rdb_stream(out, static_cast<const StreamObject&>(value.object())).run();
  }
}

int rdb_version_of(const Value& value) {
  const bool expiring = value.is_object() && value.object().next_expiry_ms() != Object::kNoElementExpiry;
  return expiring ? rdb::kFieldExpiryVersion : rdb::kWriteVersion;
}

}  // namespace holdfast::node
