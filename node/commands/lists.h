// What the commands of lists share: those that answer at once (lists.cc) and those that wait (lists_blocking.cc).
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "node/collections/list_object.h"
#include "node/commands/call.h"
#include "node/commands/objects.h"

namespace holdfast::node {

using ListEnd = ListObject::End;

std::optional<ListEnd> read_list_end(std::string_view word);  // LEFT, RIGHT
std::string_view push_event(ListEnd end);
std::string_view pop_event(ListEnd end);
ListObject::Limits list_limits(const Call& call);
// A range as the commands take it, negative from the end, cut to what is there; empty when it ends before it begins.
struct ListRange {
  size_t start = 0, count = 0;
};
ListRange cut_range(int64_t start, int64_t stop, size_t length);

// Replies the elements of a range that lies within the list, each as a bulk string.
void reply_elements(resp::Writer& reply, const ListObject& list, ListRange range, bool backwards = false);
// Takes up to `most` elements off a list that is there and replies each as a bulk string.
void pop_elements(Call& call, std::string_view key, ListEnd end, size_t most);
// Moves one element of a list that is there and replies it. False: the target has another type, which has been
// answered.
bool move_element(Call& call, std::string_view source, std::string_view target, ListEnd from, ListEnd to);

// LMPOP and BLMPOP: numkeys key [key ...] LEFT|RIGHT [COUNT count].
struct ListPopQuery {
  std::span<const std::string_view> keys;
  ListEnd end = ListEnd::head;
  size_t count = 1;
};
// `first`: where numkeys is. False: answered.
bool read_list_pop(Call& call, size_t first, ListPopQuery& query);
// Serves the first key that has a list: replies [key, elements]; tells the log a plain LPOP or RPOP. False: none has
// one. A key of another type is answered, unless a waiting client looks again (call.woken): it is passed over then.
bool pop_first(Call& call, const ListPopQuery& query);

}  // namespace holdfast::node
