// The rows of all commands, by group: what COMMAND shows, and which handler carries each out.
#pragma once

#include "node/commands/call.h"

namespace holdfast::node {

void add_string_rows(CommandTable& table);
void add_bitmap_rows(CommandTable& table);
void add_list_rows(CommandTable& table);
void add_set_rows(CommandTable& table);
void add_hash_rows(CommandTable& table);
void add_hash_expiry_rows(CommandTable& table);
void add_zset_rows(CommandTable& table);
void add_stream_rows(CommandTable& table);
void add_geo_rows(CommandTable& table);
void add_hyperloglog_rows(CommandTable& table);
void add_generic_rows(CommandTable& table);
void add_sort_rows(CommandTable& table);
void add_transaction_rows(CommandTable& table);
void add_server_rows(CommandTable& table);
void add_connection_rows(CommandTable& table);  // those of common/server, and SELECT

}  // namespace holdfast::node
