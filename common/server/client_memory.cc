#include "common/server/client_memory.h"

#include <algorithm>
#include <bit>

namespace holdfast::server {

void ClientMemory::set_limit(uint64_t bytes) {
  limit_ = bytes;
  if (limited()) return;
  for (auto& members : classes_) {
    for (Session* session : members) session->counted_memory = {};
    members.clear();
  }
  total_ = 0;
}

size_t ClientMemory::class_of(size_t bytes) {
  constexpr int kSmallest = 15;
  const int width = std::bit_width(bytes);
  return std::min(static_cast<size_t>(std::max(width - kSmallest, 0)), kClasses - 1);
}

void ClientMemory::unfile(Session& session) {
  CountedMemory& mine = session.counted_memory;
  if (mine.size_class < 0) return;
  auto& members = classes_[static_cast<size_t>(mine.size_class)];
  members.back()->counted_memory.place = mine.place;
  members[mine.place] = members.back();
  members.pop_back();
  mine.size_class = -1;
}

void ClientMemory::count(Session& session) {
  if (!limited()) return;
  const bool counts = session.type == ClientType::normal || session.type == ClientType::pubsub;
  if (!counts || session.closing) return forget(session);
  CountedMemory& mine = session.counted_memory;
  const size_t bytes = session.memory_bytes();
  total_ = total_ - mine.bytes + bytes;
  mine.bytes = bytes;
  if (session.no_evict) return unfile(session);
  const auto size_class = static_cast<int>(class_of(bytes));
  if (mine.size_class == size_class) return;
  unfile(session);
  auto& members = classes_[static_cast<size_t>(size_class)];
  mine.size_class = size_class;
  mine.place = members.size();
  members.push_back(&session);
}

void ClientMemory::forget(Session& session) {
  unfile(session);
  total_ -= session.counted_memory.bytes;
  session.counted_memory = {};
}

Session* ClientMemory::largest() const {
  for (auto members = classes_.rbegin(); members != classes_.rend(); ++members) {
    if (!members->empty()) return members->front();
  }
  return nullptr;
}

}  // namespace holdfast::server
