// The socket type of every client connection, TCP or unix, on a concrete executor (no type erasure on the request path),
// and the options that are set on them. Executor thread only.
#pragma once

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <string>

#include "common/base/result.h"

namespace holdfast::net {

// For the io_context of a server's clients: one thread runs it and uses its objects, others only post. (Stream needs that.)
inline constexpr int kOneThread = BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO;
using Executor = boost::asio::io_context::executor_type;
using Socket = boost::asio::basic_stream_socket<boost::asio::generic::stream_protocol, Executor>;

// A connected socket's ends as "host:port" ("[v6]:port"), or the path with ":0" for a unix socket.
std::string peer_name(int fd);
std::string local_name(int fd);
bool peer_is_loopback(int fd);  // 127.0.0.0/8, ::1, or a unix socket

void set_no_delay(int fd, bool enabled);
// Probes after `seconds` of silence, three tries within as long again; 0 switches them off.
void set_keepalive(int fd, int seconds);

}  // namespace holdfast::net
