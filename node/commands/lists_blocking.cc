// Lists: commands that wait for an element, and LMPOP, which shares their way of taking several keys.
#include "node/commands/handlers.h"
#include "node/commands/lists.h"
#include "node/commands/node.h"

namespace holdfast::node {

bool read_list_pop(Call& call, size_t first, ListPopQuery& query) {
  const auto count = read_integer_in(call, call.args[first], 1, INT64_MAX, "ERR numkeys should be greater than 0");
  if (!count) return false;
  const size_t behind = call.argc() - first - 1;  // words behind the number of keys
  const size_t where = first + 1 + static_cast<size_t>(*count);
  if (static_cast<uint64_t>(*count) >= behind) return call.reply.error(kSyntaxError), false;
  query.keys = call.args.subspan(first + 1, static_cast<size_t>(*count));
  const auto end = read_list_end(call.args[where]);
  if (!end) return call.reply.error(kSyntaxError), false;
  query.end = *end;
  bool counted = false;
  for (size_t i = where + 1; i < call.argc(); i += 2) {
    if (counted || !iequals(call.args[i], "COUNT") || i + 1 == call.argc())
      return call.reply.error(kSyntaxError), false;
    const auto most = read_integer_in(call, call.args[i + 1], 1, INT64_MAX, "ERR count should be greater than 0");
    if (!most) return false;
    query.count = static_cast<size_t>(*most);
    counted = true;
  }
  return true;
}

namespace {

// The first key that holds a list. `answered`: one of another type came before it, and that has been said.
struct FirstList {
  std::optional<std::string_view> key;
  bool answered = false;
};
FirstList first_list(Call& call, std::span<const std::string_view> keys) {
  for (const std::string_view key : keys) {
    const Entry* entry = call.keys.find(call.db(), key);
    if (entry == nullptr) continue;
    if (entry->type() == ValueType::list) return {key};
    if (call.woken) continue;
    call.reply.error(kWrongType);
    return {std::nullopt, true};
  }
  return {};
}

}  // namespace

bool pop_first(Call& call, const ListPopQuery& query) {
  const FirstList first = first_list(call, query.keys);
  if (!first.key) return first.answered;
  const auto found = find_object<ListObject>(call, *first.key);
  const size_t most = std::min(query.count, found.object->size());
  call.reply.array(2);
  call.reply.bulk(*first.key);
  call.reply.array(most);
  pop_elements(call, *first.key, query.end, most);
  call.rewrite({query.end == ListEnd::head ? "LPOP" : "RPOP", *first.key, fmt::format_int(most).c_str()});
  return true;
}

namespace handlers {
namespace {

void pop_blocking(Call& call, ListEnd end) {
  const auto keys = call.args.subspan(1, call.argc() - 2);
  const auto timeout = read_timeout(call, call.args.back());
  if (!timeout) return;
  const FirstList first = first_list(call, keys);
  if (first.answered) return;
  if (!first.key) return call.node.block(call, keys, *timeout, BlockedReply::null_array);
  call.reply.array(2);
  call.reply.bulk(*first.key);
  pop_elements(call, *first.key, end, 1);
  call.rewrite({end == ListEnd::head ? "LPOP" : "RPOP", *first.key});
}

void move_blocking(Call& call, ListEnd from, ListEnd to, std::string_view timeout_text) {
  const auto timeout = read_timeout(call, timeout_text);
  if (!timeout) return;
  const auto keys = call.args.subspan(1, 1);
  const FirstList first = first_list(call, keys);
  if (first.answered) return;
  if (!first.key) return call.node.block(call, keys, *timeout, BlockedReply::null);
  if (!move_element(call, call.args[1], call.args[2], from, to)) return;
  if (call.argc() == 4) {
    call.rewrite({"RPOPLPUSH", call.args[1], call.args[2]});
  } else {
    call.rewrite({"LMOVE", call.args[1], call.args[2], call.args[3], call.args[4]});
  }
}

}  // namespace

void blpop(Call& call) { pop_blocking(call, ListEnd::head); }
void brpop(Call& call) { pop_blocking(call, ListEnd::tail); }
void brpoplpush(Call& call) { move_blocking(call, ListEnd::tail, ListEnd::head, call.args[3]); }

void blmove(Call& call) {
  const auto from = read_list_end(call.args[3]), to = read_list_end(call.args[4]);
  if (!from || !to) return call.reply.error(kSyntaxError);
  move_blocking(call, *from, *to, call.args[5]);
}

void blmpop(Call& call) {
  ListPopQuery query;
  if (!read_list_pop(call, 2, query)) return;
  const auto timeout = read_timeout(call, call.args[1]);
  if (!timeout) return;
  if (!pop_first(call, query)) call.node.block(call, query.keys, *timeout, BlockedReply::null_array);
}

}  // namespace handlers
}  // namespace holdfast::node
