// A table's content as of one instant, taken while the table goes on changing: what a snapshot knows of one Dict.
//
// Dict::begin_cut() makes everything in the table "uncut" (an entry's slot has a colour; the table gets a new one), at no
// cost. From then on an entry leaves that state once: when the walk (Dict::cut_segment) visits it, or, before that, when
// it is about to be changed or removed: then preserve() is called with the entry as it was. New entries are never uncut.
// So walk and preserve() together see exactly the entries of the instant, each once, as they were. Executor thread only.
#pragma once

#include <string>

namespace holdfast::node {

class Dict;
class Entry;

class TableCut {
 public:
  virtual ~TableCut() = default;
  // The entry, still uncut, is about to be changed in place or removed; `going`: its value goes with it. `text`: its
  // string, taken out of it because it goes and is worth more than a copy; null: it is still in the entry.
  virtual void preserve(Entry& entry, std::string* text, bool going) = 0;
  // The table lies elsewhere now.
  virtual void moved(Dict& table) = 0;
  // The table is about to be emptied as a whole: this is its content, with this cut.
  virtual void adopt(Dict&& table) = 0;
};

// Strings of so many bytes are handed to preserve() rather than copied when they are about to go.
constexpr size_t kWorthTaking = 64 * 1024;

}  // namespace holdfast::node
