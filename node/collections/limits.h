// Up to which size values with elements keep their packed forms: the options of the same names, which may change at any
// time. A value that exists keeps its form until it next changes. Lengths in bytes.
#pragma once

#include <cstdint>

namespace holdfast::node {

struct EncodingLimits {
  uint64_t hash_entries = 512, hash_value_bytes = 64;    // hash-max-listpack-entries, -value
  int64_t list_node = -2;                                // list-max-listpack-size: elements, or -1 to -5 for 4 to 64 KB
  uint64_t list_plain_bytes = uint64_t{1} << 30;         // an element of so many bytes has a node of its own (DEBUG)
  uint64_t set_intset_entries = 512;                     // set-max-intset-entries
  uint64_t zset_entries = 128, zset_value_bytes = 64;    // zset-max-listpack-entries, -value
  uint64_t hll_sparse_bytes = 3000;                      // hll-sparse-max-bytes
  uint64_t stream_node_bytes = 4096, stream_node_entries = 100;  // stream-node-max-bytes, -entries; 0: no limit
};

}  // namespace holdfast::node
