#include "node/collections/stream_object.h"

#include <algorithm>
#include <array>
#include <vector>

#include "common/base/assert.h"
#include "node/types/allocation.h"
#include "node/types/touch.h"

namespace holdfast::node {

namespace {

constexpr size_t kMostRoomAhead = 4096;  // bytes that a new block has for entries to come
constexpr size_t kGroupEntryBytes = 96;  // of the map, its name's string included

size_t name_bytes(std::string_view name) {
  return kGroupEntryBytes + (name.size() < sizeof(std::string) / 2 ? 0 : allocation_size(name.size() + 1));
}

}  // namespace

StreamObject::StreamObject() : bytes_(allocation_size(sizeof(StreamObject))) {}

StreamObject::StreamObject(const StreamObject& other)
    : Object(other),
      length_(other.length_),
      last_id_(other.last_id_),
      entries_added_(other.entries_added_),
      bytes_(other.bytes_),
      head_live_(other.head_live_),
      nodes_(other.nodes_),
      first_id_(other.first_id_),
      max_deleted_id_(other.max_deleted_id_) {
  bytes_ = bytes_ - other.nodes_.memory_bytes() + nodes_.memory_bytes();
  for (const auto& [name, group] : other.groups_) {
    const auto copy = groups_.emplace(name, std::make_unique<StreamGroup>(*group)).first;
    bytes_ = bytes_ - group->memory_bytes() + copy->second->memory_bytes();
  }
  other.tail_ = nullptr;
}

size_t StreamObject::effort() const {
  size_t blocks = nodes_.size();
  for (const auto& [name, group] : groups_) {
    blocks += 1 + 2 * group->pending().block_count() + 3 * group->consumers().size();
  }
  return blocks;
}

bool StreamObject::prefetch(unsigned step) const {
  if (tail_ == nullptr) return false;
  switch (step) {
    case 0:
      touch(tail_);
      touch(reinterpret_cast<const char*>(tail_ + 1) - 1);
      return true;
    case 1:
      tail_->pack().prefetch(64);
      return true;
    default:
      tail_->pack().prefetch_end();
      return false;
  }
}

// --- Blocks ---

StreamNode& StreamObject::writable(const Nodes::Cursor& place) {
  const size_t index_before = nodes_.memory_bytes();
  StreamNodeRef& ref = nodes_.edit(place);
  bytes_ = bytes_ - index_before + nodes_.memory_bytes();
  if (ref.shared()) {
    StreamNodeRef copy(new StreamNode(*ref));
    bytes_ = bytes_ - ref->memory_bytes() + copy->memory_bytes();
    ref = std::move(copy);
  }
  return ref.own();
}

template <class Change>
void StreamObject::change_node(const Nodes::Cursor& place, Change&& change) {
  StreamNode& node = writable(place);
  head_live_ = 0;
  bytes_ -= node.memory_bytes();
  length_ -= node.live();
  change(node);
  length_ += node.live();
  bytes_ += node.memory_bytes();
}

bool StreamObject::shares() const {
  if (nodes_.shares()) return true;
  for (auto at = nodes_.first(); at; at.next()) {
    if ((*at).shared()) return true;
  }
  for (const auto& [name, group] : groups_) {
    if (group->pending().shares()) return true;
    for (const auto& [consumer_name, consumer] : group->consumers()) {
      if (consumer->pending.shares()) return true;
    }
  }
  return false;
}

void StreamObject::adopt(std::unique_ptr<StreamNode> node) {
  tail_ = nullptr;
  bytes_ = bytes_ - nodes_.memory_bytes() + node->memory_bytes();
  length_ += node->live();
  const StreamId id = node->id();
  const bool fresh = nodes_.insert(id, StreamNodeRef(node.release()));
  HOLDFAST_ASSERT(fresh);
  bytes_ += nodes_.memory_bytes();
}

void StreamObject::drop(const Nodes::Cursor& place) {
  if (&**place == tail_) tail_ = nullptr;
  head_live_ = 0;
  bytes_ -= (*place)->memory_bytes() + nodes_.memory_bytes();
  length_ -= (*place)->live();
  nodes_.erase(place);
  bytes_ += nodes_.memory_bytes();
}

// Drops the last blocks as far as their IDs are not less than `id`, which is behind all live entries: so they have
// none. They are there where trimming left them and XSETID then took the last ID back.
void StreamObject::drop_empty_from(StreamId id) {
  for (Nodes::Cursor tail = nodes_.last(); tail && tail.id() >= id; tail = nodes_.last()) {
    HOLDFAST_ASSERT((*tail)->live() == 0);
    drop(tail);
  }
}

// The last block for change: from now on known by itself.
void StreamObject::know_tail() {
  const Nodes::Cursor tail = nodes_.last();
  tail_ = tail ? &writable(tail) : nullptr;
}

void StreamObject::find_first_id() {
  StreamRange live(*this, kFirstStreamId, kLastStreamId);
  first_id_ = live.next() ? live.id() : StreamId();
}

StreamId StreamObject::last_live_id() const {
  StreamRange live(*this, kFirstStreamId, kLastStreamId, StreamRange::Order::backward);
  const bool found = live.next();
  HOLDFAST_ASSERT(found);
  return live.id();
}

// --- Entries ---

void StreamObject::append(StreamId id, Fields fields, const Limits& limits) {
  HOLDFAST_ASSERT(id > last_id_ && fields.size() >= 2);
  const size_t text = StreamNode::text_bytes(fields);
  const uint64_t most =
      limits.node_bytes == 0 ? StreamNode::kMostBytes : std::min<uint64_t>(limits.node_bytes, StreamNode::kMostBytes);
  const auto fits = [&](const StreamNode& node) {
    return node.pack().size_bytes() + text < most && node.has_room_for(text, fields.size()) &&
           (limits.node_entries == 0 || uint64_t{node.live()} + node.deleted() < limits.node_entries);
  };
  if (tail_ == nullptr || tail_->id() >= id) {
    drop_empty_from(id);
    const Nodes::Cursor tail = nodes_.last();
    if (tail && fits(**tail)) know_tail();
  }
  if (tail_ != nullptr && fits(*tail_)) {
    const size_t before = tail_->pack().memory_bytes();
    tail_->append(id, fields, text, most);
    bytes_ = bytes_ - before + tail_->pack().memory_bytes();
    ++length_;
  } else {
    begin_node(id, fields, text, most);
  }
  ++entries_added_;
  last_id_ = id;
  if (length_ == 1) first_id_ = id;
}

void StreamObject::begin_node(StreamId id, Fields fields, size_t text, size_t most) {
  size_t room = 0;
  if (const Nodes::Cursor full = nodes_.last()) {
    const size_t live = head_live_;
    if (!(*full).shared()) change_node(full, [](StreamNode& node) { node.shrink_to_fit(); });
    head_live_ = live;
    room = std::min((*nodes_.last())->pack().size_bytes(), kMostRoomAhead);  // a stream goes on as it has been
  }
  auto fresh = std::make_unique<StreamNode>(id, fields, room);
  fresh->append(id, fields, text, most);
  adopt(std::move(fresh));
  know_tail();
}

bool StreamObject::contains(StreamId id) const { return StreamRange(*this, id, id).next(); }

bool StreamObject::erase(StreamId id) {
  const Nodes::Cursor place = nodes_.last_up_to(id);
  if (!place) return false;
  StreamNode::Entry entry = (*place)->first();
  while (entry && (entry.deleted || entry.id < id)) entry = (*place)->after(entry);
  if (!entry || entry.id != id) return false;
  if ((*place)->live() == 1) {
    drop(place);
  } else {
    change_node(place, [&](StreamNode& node) { node.erase(entry); });
  }
  max_deleted_id_ = std::max(max_deleted_id_, id);
  if (id == first_id_) find_first_id();
  return true;
}

size_t StreamObject::trim(const Trim& rule) {
  size_t gone = 0;
  while (!rule.keep || length_ > *rule.keep) {
    if (rule.keep && rule.whole_blocks && length_ < *rule.keep + head_live_) break;
    const Nodes::Cursor head = nodes_.first();
    if (!head) break;
    const size_t live = (*head)->live();
    head_live_ = live;
    if (rule.most > 0 && gone + live > rule.most) break;
    const bool whole = rule.keep ? length_ - live >= *rule.keep : (*head)->last().id < rule.min_id;
    if (whole) {
      drop(head);
      gone += live;
      continue;
    }
    if (!rule.whole_blocks) {
      size_t left = rule.keep ? length_ - *rule.keep : 0;
      const auto stop = [&](const StreamNode::Entry& entry) {
        return rule.keep ? left-- == 0 : entry.id >= rule.min_id;
      };
      // A look first: a block that loses nothing shall not be copied.
      const StreamNode::Entry first_live = (*head)->first_live();
      if (first_live && (rule.keep || first_live.id < rule.min_id)) {
        change_node(head, [&](StreamNode& node) { gone += node.erase_front(stop); });
      }
    }
    break;
  }
  if (gone > 0) find_first_id();
  return gone;
}

size_t StreamObject::radix_nodes() const {
  if (nodes_.empty()) return 1;
  std::vector<std::array<char, StreamId::kBytes>> keys;
  keys.reserve(nodes_.size());
  for (auto at = nodes_.first(); at; at.next()) keys.push_back(at.id().key());
  // A chain of bytes without a branch is one node, a branch is one, an end is one.
  const auto count = [&](auto&& self, size_t begin, size_t end, size_t depth) -> size_t {
    if (end - begin == 1) return (depth < StreamId::kBytes ? 1 : 0) + 1;
    const auto& low = keys[begin];
    const auto& high = keys[end - 1];
    size_t common = depth;
    while (low[common] == high[common]) ++common;
    size_t nodes = (common > depth ? 1 : 0) + 1;
    for (size_t from = begin; from < end;) {
      size_t to = from + 1;
      while (to < end && keys[to][common] == keys[from][common]) ++to;
      nodes += self(self, from, to, common + 1);
      from = to;
    }
    return nodes;
  };
  return count(count, 0, keys.size(), 0);
}

// --- Groups ---

const StreamGroup* StreamObject::find_group(std::string_view name) const {
  const auto found = groups_.find(name);
  return found == groups_.end() ? nullptr : found->second.get();
}

StreamObject::GroupEdit StreamObject::edit_group(std::string_view name) {
  const auto found = groups_.find(name);
  return {*this, found == groups_.end() ? nullptr : found->second.get()};
}

bool StreamObject::create_group(std::string_view name, StreamId last_id, int64_t entries_read) {
  const auto [place, fresh] = groups_.try_emplace(std::string(name));
  if (!fresh) return false;
  place->second = std::make_unique<StreamGroup>();
  place->second->last_id = last_id;
  place->second->entries_read = entries_read;
  bytes_ += name_bytes(name) + place->second->memory_bytes();
  return true;
}

bool StreamObject::erase_group(std::string_view name) {
  const auto found = groups_.find(name);
  if (found == groups_.end()) return false;
  bytes_ -= name_bytes(name) + found->second->memory_bytes();
  groups_.erase(found);
  return true;
}

// --- How far readers are ---

bool StreamObject::gaps_after(StreamId id) const {
  return length_ > 0 && first_id_ <= max_deleted_id_ && id <= max_deleted_id_;
}

std::optional<uint64_t> StreamObject::entries_up_to(StreamId id) const {
  if (entries_added_ == 0) return 0;
  if (length_ == 0 && id <= last_id_) return entries_added_;
  if (id == last_id_) return entries_added_;
  if (id > last_id_) return std::nullopt;
  // In the middle of a stream only the beginning is known, and that only when nothing is missing behind it.
  if (!max_deleted_id_.is_zero() && max_deleted_id_ >= first_id_) return std::nullopt;
  if (id < first_id_) return entries_added_ - length_;
  if (id == first_id_) return entries_added_ - length_ + 1;
  return std::nullopt;
}

std::optional<uint64_t> StreamObject::lag(const StreamGroup& group) const {
  if (entries_added_ == 0) return 0;
  if (group.entries_read != StreamGroup::kUnknown && !gaps_after(group.last_id)) {
    return entries_added_ - static_cast<uint64_t>(group.entries_read);
  }
  const auto read = entries_up_to(group.last_id);
  return read ? std::optional<uint64_t>(entries_added_ - *read) : std::nullopt;
}

// --- Loading ---

Result<> StreamObject::load_node(StreamId id, Listpack pack) {
  if (const auto sound = StreamNode::validate(id, pack); !sound) return sound;
  auto node = std::make_unique<StreamNode>(id, std::move(pack));
  const Nodes::Cursor before = nodes_.last();
  const StreamNode::Entry head = node->first_live();
  if ((before && before.id() >= id) || (length_ > 0 && (head ? std::min(head.id, id) : id) <= last_id_)) {
    return fail("a stream's blocks are not in the order of their IDs");
  }
  if (head) {
    last_id_ = node->last_live().id;
    // Redis appends to a block without live entries whatever its ID is, once XSETID has taken the last ID back.
    if (head.id < id) node = node->under(head.id);
    if (node == nullptr) return fail("a stream's block is too large");
    drop_empty_from(head.id);
  }
  adopt(std::move(node));
  return {};
}

Result<> StreamObject::load_end(const Header& header) {
  if (header.length != length_) return fail("a stream is said to have {} entries but has {}", header.length, length_);
  if (length_ > 0 && last_live_id() > header.last_id) return fail("a stream's last ID is less than that of an entry");
  last_id_ = header.last_id;
  find_first_id();
  max_deleted_id_ = header.max_deleted_id.value_or(StreamId());
  entries_added_ = header.entries_added.value_or(length_);
  know_tail();
  return {};
}

// --- Walking ---

StreamRange::StreamRange(const StreamObject& stream, StreamId first, StreamId last, Order order)
    : first_(first), last_(last), order_(order) {
  const auto& nodes = stream.nodes_;
  node_ = nodes.last_up_to(order == Order::forward ? first : last);
  if (!node_ && order == Order::forward) node_ = nodes.first();
}

bool StreamRange::next() {
  const bool forward = order_ == Order::forward;
  while (node_) {
    const StreamNode& node = **node_;
    if (!begun_) {
      entry_ = forward ? node.first() : node.last();
      begun_ = true;
    } else {
      entry_ = forward ? node.after(entry_) : node.before(entry_);
    }
    if (!entry_) {
      forward ? node_.next() : node_.previous();
      begun_ = false;
      continue;
    }
    // Deleted entries may be out of order: XSETID can take the last ID back behind them.
    if (entry_.deleted) continue;
    if (forward ? entry_.id > last_ : entry_.id < first_) {
      node_ = {};
      break;
    }
    if (entry_.id < first_ || entry_.id > last_) continue;
    return true;
  }
  return false;
}

}  // namespace holdfast::node
