#include "common/access/denial_log.h"

#include <algorithm>

namespace holdfast::access {

void DenialLog::set_limit(size_t entries) {
  limit_ = entries;
  if (entries_.size() > limit_) entries_.resize(limit_);
}

void DenialLog::add(DenialEntry entry) {
  const auto searched = entries_.begin() + static_cast<std::ptrdiff_t>(std::min(entries_.size(), kSearched));
  const auto alike = std::find_if(entries_.begin(), searched, [&](const DenialEntry& old) {
    return old.reason == entry.reason && old.context == entry.context && old.object == entry.object &&
           old.user == entry.user && entry.at - old.at <= kAlike;
  });
  if (alike != searched) {
    entry.count += alike->count;
    entries_.erase(alike);
  }
  entries_.push_front(std::move(entry));
  if (entries_.size() > limit_) entries_.resize(limit_);
}

}  // namespace holdfast::access
