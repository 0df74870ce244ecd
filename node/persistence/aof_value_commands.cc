#include "node/persistence/aof_value_commands.h"

#include "common/base/assert.h"
#include "node/collections/list_object.h"

namespace holdfast::node {

void CommandOutput::put(std::span<const std::string_view> argv) {
  writer_.command(argv);
  end();
}

void CommandOutput::put_raw(std::string_view bytes) {
  block_ += bytes;
  end();
}

Result<> CommandOutput::flush() {
  if (status_ && !block_.empty()) {
    status_ = sink_.write(block_);
    flushed_ += block_.size();
  }
  block_.clear();
  return status_;
}

namespace {

void put_list(CommandOutput& out, std::string_view key, const ListObject& list) {
  CommandBatch batch(out, "RPUSH", key, list.size());
  Listpack::Scratch scratch;
  for (auto at = list.at(0); at; at.next()) batch.add<1>({(*at).view(scratch)});
}

}  // namespace

void put_value_commands(CommandOutput& out, std::string_view key, const Value& value) {
  switch (value.type()) {
    case ValueType::string: {
      Value::Scratch scratch;
      return out.put(std::array<std::string_view, 3>{"SET", key, value.bytes(scratch)});
    }
    case ValueType::list:
      return put_list(out, key, static_cast<const ListObject&>(value.object()));
    default:
      HOLDFAST_ASSERT(false);
  }
}

}  // namespace holdfast::node
