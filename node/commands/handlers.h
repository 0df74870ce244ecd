// The handlers of all commands, by family: one function for each row of the rows_*.cc files, named after its command.
// A subcommand's handler is called container_subcommand. Each is found in the file named in front of its group.
#pragma once

#include "node/commands/call.h"

namespace holdfast::node::handlers {

// strings.cc
void get(Call& call);
void set(Call& call);
void setnx(Call& call);
void setex(Call& call);
void psetex(Call& call);
void getset(Call& call);
void getdel(Call& call);
void getex(Call& call);
void mget(Call& call);
void mset(Call& call);
void msetnx(Call& call);
// strings_edit.cc
void append(Call& call);
void strlen(Call& call);
void getrange(Call& call);
void setrange(Call& call);
void incr(Call& call);
void decr(Call& call);
void incrby(Call& call);
void decrby(Call& call);
void incrbyfloat(Call& call);
void lcs(Call& call);
// bits.cc
void setbit(Call& call);
void getbit(Call& call);
void bitcount(Call& call);
void bitpos(Call& call);
void bitop(Call& call);
// bitfield.cc
void bitfield(Call& call);
void bitfield_ro(Call& call);
// hashes.cc
void hset(Call& call);
void hmset(Call& call);
void hsetnx(Call& call);
void hget(Call& call);
void hmget(Call& call);
void hdel(Call& call);
void hlen(Call& call);
void hstrlen(Call& call);
void hexists(Call& call);
void hincrby(Call& call);
void hincrbyfloat(Call& call);
// hashes_walk.cc
void hkeys(Call& call);
void hvals(Call& call);
void hgetall(Call& call);
void hrandfield(Call& call);
void hscan(Call& call);
// hash_expiry.cc
void hexpire(Call& call);
void hpexpire(Call& call);
void hexpireat(Call& call);
void hpexpireat(Call& call);
void httl(Call& call);
void hpttl(Call& call);
void hexpiretime(Call& call);
void hpexpiretime(Call& call);
void hpersist(Call& call);
// hash_getset.cc
void hgetdel(Call& call);
void hgetex(Call& call);
void hsetex(Call& call);
// sets.cc
void sadd(Call& call);
void srem(Call& call);
void sismember(Call& call);
void smismember(Call& call);
void scard(Call& call);
void smembers(Call& call);
void smove(Call& call);
void sscan(Call& call);
// sets_random.cc
void spop(Call& call);
void srandmember(Call& call);
// set_algebra.cc
void sinter(Call& call);
void sunion(Call& call);
void sdiff(Call& call);
void sinterstore(Call& call);
void sunionstore(Call& call);
void sdiffstore(Call& call);
void sintercard(Call& call);
// lists.cc
void lpush(Call& call);
void rpush(Call& call);
void lpushx(Call& call);
void rpushx(Call& call);
void lpop(Call& call);
void rpop(Call& call);
void llen(Call& call);
void lindex(Call& call);
void lset(Call& call);
void linsert(Call& call);
void lrange(Call& call);
void ltrim(Call& call);
void lrem(Call& call);
void lpos(Call& call);
void lmove(Call& call);
void rpoplpush(Call& call);
void lmpop(Call& call);
// lists_blocking.cc
void blpop(Call& call);
void brpop(Call& call);
void blmove(Call& call);
void brpoplpush(Call& call);
void blmpop(Call& call);
// zsets.cc
void zadd(Call& call);
void zincrby(Call& call);
void zrem(Call& call);
void zcard(Call& call);
void zscore(Call& call);
void zmscore(Call& call);
void zrank(Call& call);
void zrevrank(Call& call);
void zscan(Call& call);
// zset_ranges.cc
void zrange(Call& call);
void zrevrange(Call& call);
void zrangebyscore(Call& call);
void zrevrangebyscore(Call& call);
void zrangebylex(Call& call);
void zrevrangebylex(Call& call);
void zrangestore(Call& call);
void zcount(Call& call);
void zlexcount(Call& call);
void zremrangebyrank(Call& call);
void zremrangebyscore(Call& call);
void zremrangebylex(Call& call);
// zset_pops.cc
void zpopmin(Call& call);
void zpopmax(Call& call);
void zmpop(Call& call);
void bzpopmin(Call& call);
void bzpopmax(Call& call);
void bzmpop(Call& call);
void zrandmember(Call& call);
// zset_algebra.cc
void zunion(Call& call);
void zinter(Call& call);
void zdiff(Call& call);
void zunionstore(Call& call);
void zinterstore(Call& call);
void zdiffstore(Call& call);
void zintercard(Call& call);
// geo.cc
void geoadd(Call& call);
void geopos(Call& call);
void geodist(Call& call);
void geohash(Call& call);
// geo_search.cc
void geosearch(Call& call);
void geosearchstore(Call& call);
void georadius(Call& call);
void georadius_ro(Call& call);
void georadiusbymember(Call& call);
void georadiusbymember_ro(Call& call);
// sort.cc
void sort(Call& call);
void sort_ro(Call& call);
// hyperloglog.cc
void pfadd(Call& call);
void pfcount(Call& call);
void pfmerge(Call& call);
void pfdebug(Call& call);
void pfselftest(Call& call);
// keys.cc
void del(Call& call);
void unlink(Call& call);
void exists(Call& call);
void type(Call& call);
void touch(Call& call);
void rename(Call& call);
void renamenx(Call& call);
void copy(Call& call);
void move(Call& call);
void object_encoding(Call& call);
void object_freq(Call& call);
void object_idletime(Call& call);
void object_refcount(Call& call);
void object_help(Call& call);
// dump.cc
void dump(Call& call);
void restore(Call& call);
// migrate.cc
void migrate(Call& call);
// databases.cc
void keys(Call& call);
void scan(Call& call);
void randomkey(Call& call);
void dbsize(Call& call);
void select(Call& call);
void swapdb(Call& call);
void flushdb(Call& call);
void flushall(Call& call);
// expiry.cc
void expire(Call& call);
void pexpire(Call& call);
void expireat(Call& call);
void pexpireat(Call& call);
void ttl(Call& call);
void pttl(Call& call);
void expiretime(Call& call);
void pexpiretime(Call& call);
void persist(Call& call);
// streams.cc
void xadd(Call& call);
void xlen(Call& call);
void xrange(Call& call);
void xrevrange(Call& call);
void xdel(Call& call);
void xtrim(Call& call);
void xsetid(Call& call);
// streams_read.cc
void xread(Call& call);
void xreadgroup(Call& call);
// stream_groups.cc
void xgroup_create(Call& call);
void xgroup_setid(Call& call);
void xgroup_destroy(Call& call);
void xgroup_createconsumer(Call& call);
void xgroup_delconsumer(Call& call);
void xgroup_help(Call& call);
void xack(Call& call);
// stream_pending.cc
void xpending(Call& call);
void xclaim(Call& call);
void xautoclaim(Call& call);
// stream_info.cc
void xinfo_stream(Call& call);
void xinfo_groups(Call& call);
void xinfo_consumers(Call& call);
void xinfo_help(Call& call);
// transactions.cc
void multi(Call& call);
void exec(Call& call);
void discard(Call& call);
void watch(Call& call);
void unwatch(Call& call);
// admin.cc
void time(Call& call);
void lastsave(Call& call);
void save(Call& call);
void bgsave(Call& call);
void bgrewriteaof(Call& call);
void shutdown(Call& call);
void monitor(Call& call);
// replication.cc
void replicaof(Call& call);
void failover(Call& call);
void role(Call& call);
void wait(Call& call);
void waitaof(Call& call);
void replconf(Call& call);
void psync(Call& call);
// config_commands.cc
void config_get(Call& call);
void config_set(Call& call);
void config_rewrite(Call& call);
void config_resetstat(Call& call);
void config_help(Call& call);
// info.cc
void info(Call& call);
// slowlog.cc
void slowlog_get(Call& call);
void slowlog_len(Call& call);
void slowlog_reset(Call& call);
void slowlog_help(Call& call);
// memory.cc
void memory_usage(Call& call);
void memory_stats(Call& call);
void memory_doctor(Call& call);
void memory_malloc_stats(Call& call);
void memory_purge(Call& call);
void memory_help(Call& call);
// latency.cc
void latency_latest(Call& call);
void latency_history(Call& call);
void latency_graph(Call& call);
void latency_doctor(Call& call);
void latency_reset(Call& call);
void latency_histogram(Call& call);
void latency_help(Call& call);
// publish.cc
void publish(Call& call);
void spublish(Call& call);
// lolwut.cc
void lolwut(Call& call);
// debug.cc
void debug(Call& call);

}  // namespace holdfast::node::handlers
