// Lists. Version 10 has nodes (type 18: each a listpack or one large element); older ones have nodes of ziplists (14),
// one ziplist (10), or plain elements (1).
#include <utility>

#include "node/collections/list_object.h"
#include "node/persistence/old_encodings.h"
#include "node/persistence/rdb_value.h"

namespace holdfast::node {

namespace {

enum Container : uint8_t { kPlain = 1, kPacked = 2 };

ListObject::Limits node_limits(const EncodingLimits& limits) {
  return {.fill = limits.list_node, .plain_bytes = limits.list_plain_bytes};
}

void finish(std::unique_ptr<ListObject> list, std::optional<Value>& value) {
  if (!list->gone()) value = Value::object(std::move(list));
}

bool push_ziplist(RdbDecoder& in, const ListObject::Limits& limits, ListObject& list) {
  std::string_view block;
  if (!in.read_text(block)) return false;
  const bool sound = walk_ziplist(block, [&](std::string_view element) {
    list.push(ListObject::End::tail, element, limits);
    return true;
  });
  return sound || in.corrupt("Ziplist integrity check failed.");
}

}  // namespace

bool read_rdb_list(RdbDecoder& in, const EncodingLimits& limits, std::optional<Value>& value) {
  const auto form = node_limits(limits);
  auto list = std::make_unique<ListObject>();
  uint64_t count = 0;
  if (!in.read_length(count)) return false;
  for (; count > 0; --count) {
    std::string_view element;
    if (!in.read_text(element)) return false;
    list->push(ListObject::End::tail, element, form);
  }
  finish(std::move(list), value);
  return true;
}

bool read_rdb_list_ziplist(RdbDecoder& in, const EncodingLimits& limits, std::optional<Value>& value) {
  auto list = std::make_unique<ListObject>();
  if (!push_ziplist(in, node_limits(limits), *list)) return false;
  finish(std::move(list), value);
  return true;
}

bool read_rdb_quicklist(RdbDecoder& in, const EncodingLimits& limits, std::optional<Value>& value) {
  const auto form = node_limits(limits);
  auto list = std::make_unique<ListObject>();
  uint64_t count = 0;
  if (!in.read_length(count)) return false;
  for (; count > 0; --count) {
    if (!push_ziplist(in, form, *list)) return false;
  }
  finish(std::move(list), value);
  return true;
}

bool read_rdb_quicklist_2(RdbDecoder& in, const EncodingLimits& limits, std::optional<Value>& value) {
  const auto form = node_limits(limits);
  auto list = std::make_unique<ListObject>();
  uint64_t count = 0;
  if (!in.read_length(count)) return false;
  for (; count > 0; --count) {
    uint64_t container = 0;
    std::string_view node;
    if (!in.read_length(container)) return false;
    if (container != kPlain && container != kPacked) return in.corrupt("Quicklist integrity check failed.");
    if (!in.read_text(node)) return false;
    if (container == kPlain) {
      list->load_plain(std::string(node));
      continue;
    }
    if (!Listpack::validate(node)) return in.corrupt("Listpack integrity check failed.");
    Listpack pack = Listpack::copy_of(node);
    if (!pack.empty()) list->load_packed(std::move(pack), form);
  }
  finish(std::move(list), value);
  return true;
}

SlicedWrite write_rdb_list(RdbOutput& out, const ListObject& list) {
  out.put_length(list.node_count());
  for (size_t i = 0; i < list.node_count(); ++i) {
    const ListObject::NodeView node = list.node(i);
    out.put_length(node.plain ? kPlain : kPacked);
    out.put_string(node.bytes);
    co_await std::suspend_always();
  }
}

}  // namespace holdfast::node
