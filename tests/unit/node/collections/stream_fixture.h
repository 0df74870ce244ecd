// Streams for tests: entries as texts, and the memory that their blocks take, counted one by one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "node/collections/stream_object.h"
#include "node/types/allocation.h"

namespace holdfast::node {

using Texts = std::vector<std::string>;

inline std::vector<std::string_view> views(const Texts& texts) { return {texts.begin(), texts.end()}; }

inline size_t counted_memory(const StreamObject& stream) {
  size_t bytes = allocation_size(sizeof(StreamObject)) + stream.nodes().memory_bytes();
  for (auto at = stream.nodes().first(); at; at.next()) bytes += (*at)->memory_bytes();
  return bytes;
}

inline void add(StreamObject& stream, StreamId id, const Texts& fields, const StreamObject::Limits& limits = {}) {
  stream.append(id, views(fields), limits);
}

}  // namespace holdfast::node
