// Values for tests of compaction: random changes of every type, and all that can be seen of a value as text.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "common/base/random.h"
#include "node/collections/hash_object.h"
#include "node/collections/list_object.h"
#include "node/collections/set_object.h"
#include "node/collections/stream_object.h"
#include "node/collections/zset_object.h"

namespace holdfast::node {

inline constexpr ValueType kAllTypes[] = {ValueType::list, ValueType::set, ValueType::zset, ValueType::hash,
                                          ValueType::stream};

inline std::unique_ptr<Object> make_object(ValueType type) {
  switch (type) {
    case ValueType::list: return std::make_unique<ListObject>();
    case ValueType::set: return std::make_unique<SetObject>();
    case ValueType::zset: return std::make_unique<ZsetObject>();
    case ValueType::hash: return std::make_unique<HashObject>();
    default: return std::make_unique<StreamObject>();
  }
}

// One random change, drawn from `dice`, among about `range` elements; the same dice change equal values equally.
class RandomChange {
 public:
  RandomChange(SeededRandom& dice, uint64_t range) : dice_(dice), range_(range) {}

  void operator()(Object& object) {
    switch (object.type()) {
      case ValueType::list: return change(static_cast<ListObject&>(object));
      case ValueType::set: return change(static_cast<SetObject&>(object));
      case ValueType::zset: return change(static_cast<ZsetObject&>(object));
      case ValueType::hash: return change(static_cast<HashObject&>(object));
      default: return change(static_cast<StreamObject&>(object));
    }
  }

 private:
  std::string text() { return std::string(dice_.below(20) == 0 ? 90 : dice_.below(12), 'v') + std::to_string(dice_.next() % 999); }
  std::string name() { return std::to_string(dice_.below(range_)); }
  // More comes than goes until there are as many as there can be.
  bool adds(size_t size) { return dice_.below(range_ + 1) >= size / 2 + range_ / 8; }

  void change(ListObject& list) {
    const ListObject::Limits limits{.fill = 5, .plain_bytes = 90};
    const auto end = dice_.below(3) == 0 ? ListObject::End::tail : ListObject::End::head;
    if (list.size() == 0 || adds(list.size())) return list.push(end, text(), limits);
    if (dice_.below(4) == 0) {
      const size_t start = dice_.below(list.size());
      return list.erase_range(start, std::min<size_t>(dice_.below(8), list.size() - start), limits);
    }
    if (dice_.below(4) == 0) {
      return list.replace(list.at(static_cast<int64_t>(dice_.below(list.size()))), text(), limits);
    }
    list.pop(end);
  }
  void change(SetObject& set) {
    const std::string member = (range_ > 600 && dice_.below(50) == 0 ? "m" : "") + name();
    adds(set.size()) ? set.add(member, limits_) : set.remove(member);
  }
  void change(ZsetObject& set) {
    const double score = static_cast<double>(dice_.below(range_ / 8 + 1)) / 2;
    const std::string member = name();
    if (adds(set.size())) {
      set.set(member, score, limits_);
    } else {
      set.remove(member);
    }
  }
  void change(HashObject& hash) {
    const std::string field = name();
    const int64_t expires_ms = range_ > 600 && dice_.below(3) == 0 ? static_cast<int64_t>(dice_.below(99)) : HashObject::kNoExpiry;
    if (adds(hash.size())) {
      hash.set(field, std::string(dice_.below(50), 'v'), limits_, expires_ms);
    } else {
      hash.erase(field);
    }
  }
  void change(StreamObject& stream) {
    const std::string value = text();
    const std::string_view fields[] = {"field", value};
    const StreamId last = stream.last_id();
    const std::string group = "group" + std::to_string(dice_.below(3)) + std::string(dice_.below(2) * 20, 'g');
    const StreamId any{dice_.below(last.ms + 1), 1};
    switch (dice_.below(12)) {
      case 0:
        (void)stream.create_group(group, StreamId(), 0);
        return;
      case 1:
        if (dice_.below(50) == 0) (void)stream.erase_group(group);
        return;
      case 2:
      case 3:
      case 4:
      case 5:
        if (auto edit = stream.edit_group(group)) {
          const std::string name = "consumer" + std::to_string(dice_.below(5)) + std::string(dice_.below(2) * 20, 'c');
          StreamConsumer* consumer = edit->find_consumer(name);
          if (consumer == nullptr) consumer = &edit->create_consumer(name, 5);
          if (dice_.below(100) == 0) {
            edit->delete_consumer(*consumer);
          } else if (dice_.below(3) > 0) {
            edit->assign(any, *consumer, 7, 1);
          } else {
            edit->acknowledge(any);
          }
        }
        return;
      case 6:
        if (stream.size() > range_) stream.trim({.keep = range_ * 3 / 4, .min_id = {}});
        return;
      case 7:
        (void)stream.erase(any);
        return;
      default:
        stream.append({last.ms + 1, 1}, fields, {.node_bytes = 4096, .node_entries = 5});
    }
  }

  SeededRandom& dice_;
  const uint64_t range_;
  const EncodingLimits limits_;
};

// All that can be seen of a value, found in every way.
class Description {
 public:
  explicit Description(const Object& object)
      : text_(std::string(object.encoding()) + " " + std::to_string(object.size()) + "\n") {
    describe(object);
  }
  const std::string& text() const { return text_; }

 private:
  void describe(const Object& object) {
    switch (object.type()) {
      case ValueType::list: return list(static_cast<const ListObject&>(object));
      case ValueType::set: return set(static_cast<const SetObject&>(object));
      case ValueType::zset: return zset(static_cast<const ZsetObject&>(object));
      case ValueType::hash: return hash(static_cast<const HashObject&>(object));
      default: return stream(static_cast<const StreamObject&>(object));
    }
  }
  void line(std::string_view text) { text_.append(text).push_back('\n'); }
  void list(const ListObject& list) {
    Listpack::Scratch scratch;
    for (auto at = list.at(0); at; at.next()) line((*at).view(scratch));
    if (list.size() == 0) return;
    line(list.peek(ListObject::End::head).view(scratch));
    line(list.peek(ListObject::End::tail).view(scratch));
  }
  void set(const SetObject& set) {
    std::set<std::string, std::less<>> members;
    set.for_each([&](std::string_view member) { members.emplace(member); });
    for (const auto& member : members) line(member + (set.contains(member) ? "" : " is not found"));
  }
  void zset(const ZsetObject& set) {
    size_t rank = 0;
    set.for_each([&](std::string_view member, double score) {
      line(std::string(member) + " " + std::to_string(score));
      if (set.score(member) != score || set.rank(member) != rank) line("is not found");
      ++rank;
    });
    line(std::to_string(rank));
  }
  void hash(const HashObject& hash) {
    std::map<std::string, std::string> fields;
    HashObject::Scratch scratch;
    hash.for_each([&](std::string_view field, std::string_view value, int64_t expires_ms) {
      const auto found = hash.find(field, scratch);
      fields[std::string(field)] = std::string(value) + " " + std::to_string(expires_ms) + (found ? "" : " is not found");
    });
    for (const auto& [field, value] : fields) line(field + " " + value);
    for (int64_t before = 0; before <= 100; before += 9) line(std::to_string(hash.visible(before)));
  }
  static std::string name_of(StreamId id) { return std::to_string(id.ms) + "-" + std::to_string(id.seq); }
  void stream(const StreamObject& stream) {
    Listpack::Scratch field_text, value_text;
    for (StreamRange range(stream, kFirstStreamId, kLastStreamId); range.next();) {
      line(name_of(range.id()));
      range.for_each_field([&](const auto& field, const auto& value) {
        line(std::string(field.view(field_text)) + " " + std::string(value.view(value_text)));
      });
    }
    for (const auto& [name, group] : stream.groups()) {
      line(name);
      for (auto at = group->pending().first(); at; at.next()) {
        line(name_of(at.id()) + " " + group->consumer(at->consumer).name);
      }
      for (const auto& [consumer_name, consumer] : group->consumers()) {
        line(std::string(consumer_name) + " " + consumer->name);
        if (group->find_consumer(consumer_name) != consumer.get()) line("is not found");
        for (auto at = consumer->pending.first(); at; at.next()) line(name_of(at.id()));
      }
    }
  }

  std::string text_;
};

}  // namespace holdfast::node
