// The packed encodings that Redis wrote before listpacks: ziplist (until 6.2) and zipmap (until 2.4). Read only.
//
//   ziplist: total bytes (4) | offset of the last entry (4) | number of entries (2; 65535: not known) | entries | 0xff
//            entry = length of the one before (1, or 0xfe + 4) | encoding | data            all little endian but lengths
//   zipmap:  number of pairs (1; 254 and more: not known) | pairs | 0xff
//            pair = length, key, length, free bytes (1), value, so many unused bytes    length = 1, or 254 + 4
//
// Blocks come from outside: both walks check every byte they look at. Pure.
#pragma once

#include <functional>
#include <string_view>

namespace holdfast::node {

// Gets each element's text (integers as decimal text), valid during the call; false ends the walk.
using ElementVisitor = std::function<bool(std::string_view)>;

// False when the block is no ziplist, or the visitor ended the walk. Elements before a fault have been visited.
bool walk_ziplist(std::string_view block, const ElementVisitor& visit);
// The same for a zipmap: keys and values in turn.
bool walk_zipmap(std::string_view block, const ElementVisitor& visit);

}  // namespace holdfast::node
