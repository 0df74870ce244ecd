// Writes a data set as commands: the base of an append-only file when aof-use-rdb-preamble is off.
#pragma once

#include "common/base/result.h"
#include "node/keyspace/data_visitor.h"
#include "node/persistence/byte_stream.h"
#include "node/persistence/rdb_writer.h"

namespace holdfast::node {

Result<SaveStats> save_commands(const DataSource& source, ByteSink& sink, const RdbHeader& header);

}  // namespace holdfast::node
