#include "tests/fuzz/data_text.h"

#include <algorithm>
#include <vector>

#include "common/base/text.h"
#include "node/collections/hash_object.h"
#include "node/collections/list_object.h"
#include "node/collections/set_object.h"
#include "node/collections/stream_object.h"
#include "node/collections/zset_object.h"

namespace holdfast::fuzz {
namespace {

using namespace node;  // NOLINT: the values' types

std::string joined(std::vector<std::string> parts) {
  std::ranges::sort(parts);
  std::string out;
  for (const std::string& part : parts) out += " " + part;
  return out;
}

std::string text_of(const ListObject& list) {
  std::string out = "list";
  Listpack::Scratch scratch;
  for (auto at = list.at(0); at; at.next()) out += " " + holdfast::quoted((*at).view(scratch));
  return out;
}

std::string text_of(const SetObject& set) {
  std::vector<std::string> members;
  set.for_each([&](std::string_view member) { members.push_back(holdfast::quoted(member)); });
  return "set" + joined(std::move(members));
}

std::string text_of(const ZsetObject& zset) {
  std::string out = "zset";
  zset.for_each([&](std::string_view member, double score) {
    char text[kDoubleChars];
    out += fmt::format(" {}={}", holdfast::quoted(member), std::string_view(text, write_double(text, score)));
  });
  return out;
}

std::string text_of(const HashObject& hash) {
  std::vector<std::string> fields;
  hash.for_each([&](std::string_view field, std::string_view value, int64_t expires_ms) {
    fields.push_back(holdfast::quoted(field) + "=" + holdfast::quoted(value));
    if (expires_ms != HashObject::kNoExpiry) fields.back() += fmt::format("@{}", expires_ms);
  });
  return "hash" + joined(std::move(fields));
}

std::string text_of(StreamId id) { return fmt::format("{}-{}", id.ms, id.seq); }

std::string text_of(const StreamObject& stream) {
  std::string out = fmt::format("stream last {} deleted {} added {}:", text_of(stream.last_id()),
                                text_of(stream.max_deleted_id()), stream.entries_added());
  for (StreamRange range(stream, kFirstStreamId, kLastStreamId); range.next();) {
    out += " " + text_of(range.id());
    range.for_each_field([&](const Listpack::Element& field, const Listpack::Element& value) {
      Listpack::Scratch scratch;
      out += " " + holdfast::quoted(field.view(scratch));
      out += "=" + holdfast::quoted(value.view(scratch));
    });
  }
  for (const auto& [name, group] : stream.groups()) {
    out += fmt::format("; group {} last {} consumers", holdfast::quoted(name), text_of(group->last_id));
    for (const auto& [consumer, known] : group->consumers()) out += " " + holdfast::quoted(consumer);
    out += " pending";
    for (auto at = group->pending().first(); at; at.next()) {
      out += fmt::format(" {}:{}", text_of(at.id()), holdfast::quoted(group->consumer(at->consumer).name));
    }
  }
  return out;
}

}  // namespace

std::string value_text(const Entry& entry) {
  switch (entry.type()) {
    case ValueType::string: {
      Value::Scratch scratch;
      return "string " + holdfast::quoted(entry.bytes(scratch));
    }
    case ValueType::list:
      return text_of(static_cast<const ListObject&>(*entry.object()));
    case ValueType::set:
      return text_of(static_cast<const SetObject&>(*entry.object()));
    case ValueType::zset:
      return text_of(static_cast<const ZsetObject&>(*entry.object()));
    case ValueType::hash:
      return text_of(static_cast<const HashObject&>(*entry.object()));
    case ValueType::stream:
      return text_of(static_cast<const StreamObject&>(*entry.object()));
  }
  return {};
}

DataText data_text(const Keyspace& keys) {
  DataText data;
  for (int db = 0; db < keys.database_count(); ++db) {
    keys.for_each_key(db, [&](const Entry& entry) {
      std::string text = value_text(entry);
      if (const auto expires_at = entry.expires_at()) text += fmt::format(" until {}", to_unix_ms(*expires_at));
      data[fmt::format("{} {}", db, holdfast::quoted(entry.key()))] = std::move(text);
    });
  }
  return data;
}

std::string first_difference(const DataText& here, const DataText& there) {
  for (const auto& [name, text] : here) {
    const auto other = there.find(name);
    if (other == there.end()) return fmt::format("{} is missing: {}", name, text);
    if (other->second != text) return fmt::format("{} is\n  {}\nand not\n  {}", name, other->second, text);
  }
  for (const auto& [name, text] : there) {
    if (!here.contains(name)) return fmt::format("{} is too many: {}", name, text);
  }
  return {};
}

}  // namespace holdfast::fuzz
