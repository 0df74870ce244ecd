// Every way in which commands read a value, whole and in parts: for values that come from damaged or random payloads.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "node/commands/node.h"

namespace holdfast::node::test {

// Executes one command; its reply, as on the wire.
inline std::string call(Node& node, server::Session& session, const std::vector<std::string>& words) {
  const std::vector<std::string_view> args(words.begin(), words.end());
  node.handle(session, args);
  std::string reply;
  reply.swap(session.reply().buffer());
  return reply;
}

// Reads the value at `key` by all commands, those of other types included; returns the first that was not answered.
inline std::string read_everything(Node& node, server::Session& session, std::string_view name) {
  const std::string key(name);
  const std::vector<std::vector<std::string>> commands = {
      {"TYPE", key}, {"OBJECT", "ENCODING", key}, {"MEMORY", "USAGE", key}, {"COPY", key, "copy", "REPLACE"},
      {"GET", key}, {"STRLEN", key}, {"GETRANGE", key, "0", "-1"}, {"BITCOUNT", key}, {"PFCOUNT", key},
      {"LLEN", key}, {"LRANGE", key, "0", "-1"}, {"LINDEX", key, "-1"}, {"LINDEX", key, "2"},
      {"LPOS", key, "a", "RANK", "-1"}, {"SORT", key, "ALPHA"},
      {"SCARD", key}, {"SMEMBERS", key}, {"SISMEMBER", key, "a"}, {"SRANDMEMBER", key, "-5"}, {"SSCAN", key, "0"},
      {"ZCARD", key}, {"ZRANGE", key, "0", "-1", "WITHSCORES"}, {"ZRANGE", key, "+inf", "-inf", "BYSCORE", "REV"},
      {"ZRANK", key, "a"}, {"ZSCORE", key, "a"}, {"ZCOUNT", key, "-1", "3"}, {"ZSCAN", key, "0"}, {"ZRANDMEMBER", key, "-5"},
      {"ZRANGE", key, "-", "+", "BYLEX"}, {"ZLEXCOUNT", key, "-", "+"},
      {"HLEN", key}, {"HGETALL", key}, {"HGET", key, "f"}, {"HSCAN", key, "0"}, {"HRANDFIELD", key, "-5", "WITHVALUES"},
      {"HPTTL", key, "FIELDS", "1", "f"},
      {"XLEN", key}, {"XRANGE", key, "-", "+"}, {"XREVRANGE", key, "+", "-"}, {"XINFO", "STREAM", key, "FULL"},
      {"XINFO", "GROUPS", key}, {"XINFO", "CONSUMERS", key, "g1"}, {"XPENDING", key, "g1"},
      {"XPENDING", key, "g1", "-", "+", "10"}, {"XPENDING", key, "g1", "IDLE", "1", "-", "+", "10"}, {"XREAD", "STREAMS", key, "0"},
  };
  for (const auto& command : commands) {
    if (call(node, session, command).empty()) return command[0];
  }
  return "";
}

// Changes the value in place, at both ends, by all commands; ends with the key gone.
inline void change_everything(Node& node, server::Session& session, std::string_view name) {
  const std::string key(name);
  const std::vector<std::vector<std::string>> commands = {
      {"APPEND", key, "x"}, {"SETBIT", key, "100", "1"},
      {"LPUSH", key, "x", "1"}, {"RPUSH", key, "y"}, {"LSET", key, "1", "zz"}, {"LINSERT", key, "BEFORE", "y", "z"},
      {"LREM", key, "-1", "y"}, {"RPOP", key}, {"LPOP", key, "2"}, {"LTRIM", key, "1", "-2"},
      {"SADD", key, "x", "77"}, {"SREM", key, "x"}, {"SPOP", key}, {"SPOP", key, "2"},
      {"ZADD", key, "1.5", "x", "-3", "y"}, {"ZINCRBY", key, "2", "x"}, {"ZREM", key, "y"}, {"ZPOPMIN", key},
      {"ZPOPMAX", key}, {"ZREMRANGEBYRANK", key, "1", "1"},
      {"HSET", key, "x", "y", "f", "z"}, {"HDEL", key, "x"}, {"HPEXPIRE", key, "100000", "FIELDS", "1", "f"},
      {"HINCRBY", key, "n", "1"},
      {"XADD", key, "*", "a", "b"}, {"XREADGROUP", "GROUP", "g1", "new", "STREAMS", key, ">"},
      {"XCLAIM", key, "g1", "new", "1", "1-1", "5-1"}, {"XAUTOCLAIM", key, "g1", "new", "1", "0"},
      {"XAUTOCLAIM", key, "g1", "new", "0", "0"}, {"XACK", key, "g1", "1-1", "5-1"}, {"XDEL", key, "1-1", "5-0", "1001-1"},
      {"XTRIM", key, "MAXLEN", "1"}, {"XGROUP", "DELCONSUMER", key, "g1", "alice"}, {"XGROUP", "DESTROY", key, "g1"},
      {"EXPIRE", key, "100"}, {"RENAME", key, "renamed"}, {"DEL", "renamed", "copy"},
  };
  for (const auto& command : commands) (void)call(node, session, command);
}

}  // namespace holdfast::node::test
