// The journal: what happened to the files of the folder, in the order in which it happened. For power_cut.py.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace disk_shim {

enum class Kind : uint16_t {
  start = 0,
  file = 1,    // was there at the start: path, inode, data
  folder = 2,  // the same
  create = 3,
  make_folder = 4,
  unlink = 5,
  rename = 6,  // data is the new path
  write = 7,   // value is the offset
  truncate = 8,
  sync_begin = 9,
  sync_end = 10,
  sync_failed = 11,
  fault = 12,  // data is `<operation> <action>`
};

// Writes to stderr and aborts: a layer that does not work must not go unnoticed.
[[noreturn]] void give_up(const char* what);

// Opens the journal; an empty one gets a copy of what `root` holds.
void begin_journal(const char* path, const char* root);
void record(Kind kind, const char* path, uint64_t inode, uint64_t value, const void* data = nullptr, size_t size = 0);

}  // namespace disk_shim
