#include "common/http/connection.h"

#include <boost/beast/core/bind_handler.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>

#include "common/base/version.h"

namespace holdfast::http {

namespace beast = boost::beast;
namespace bhttp = boost::beast::http;

Connection::Connection(boost::asio::ip::tcp::socket socket, std::shared_ptr<const Host> host)
    : stream_(std::move(socket)), host_(std::move(host)), buffer_(host_->options.max_header_bytes + 1024) {}

Connection::~Connection() { host_->closed(this); }

void Connection::start() { read(host_->options.request_timeout); }

void Connection::close() {
  beast::error_code ignored;
  stream_.socket().close(ignored);
}

void Connection::read(std::chrono::milliseconds timeout) {
  waiting_ = true;
  parser_.emplace();
  parser_->header_limit(static_cast<uint32_t>(host_->options.max_header_bytes));
  parser_->body_limit(0);
  stream_.expires_after(timeout);
  if (buffer_.size() != 0) {  // pipelined: the next request is here already
    on_first_byte();
    return;
  }
  stream_.async_read_some(buffer_.prepare(1024), [self = shared_from_this()](beast::error_code error, size_t bytes) {
    if (error) return self->close();
    self->buffer_.commit(bytes);
    self->on_first_byte();
  });
}

// From its first byte on a request has request_timeout, however slowly it trickles in.
void Connection::on_first_byte() {
  stream_.expires_after(host_->options.request_timeout);
  bhttp::async_read(stream_, buffer_, *parser_,
                    [self = shared_from_this()](beast::error_code error, size_t) { self->on_request(error); });
}

void Connection::on_request(beast::error_code error) {
  waiting_ = false;
  if (error == bhttp::error::header_limit || error == bhttp::error::buffer_overflow) {
    return respond(error_response(431, "request header too large"), false, false, false, false);
  }
  if (error == bhttp::error::body_limit || error == bhttp::error::unexpected_body) {
    return respond(error_response(413, "request bodies are not accepted"), false, false, false, false);
  }
  if (error && error.category() == make_error_code(bhttp::error::bad_method).category() &&
      error != bhttp::error::end_of_stream && error != bhttp::error::partial_message) {
    return respond(error_response(400, "malformed request"), false, false, false, false);
  }
  if (error) return close();

  const auto& message = parser_->get();
  version_ = message.version();
  const bool keep_alive = message.keep_alive();
  const bhttp::verb method = message.method();
  const bool head = method == bhttp::verb::head, options = method == bhttp::verb::options;
  if (method != bhttp::verb::get && !head && !options) {
    return respond(error_response(405, "only GET, HEAD and OPTIONS are answered"), false, false, keep_alive, true);
  }
  auto request = parse_target({message.target().data(), message.target().size()});
  if (options && message.target() == "*") {
    return respond({200, std::string(kJson), ""}, false, true, keep_alive, true);
  }
  if (!request) return respond(error_response(400, "malformed target"), head, false, false, false);
  if (const auto id = message.find("Last-Event-ID"); id != message.end()) {
    request->last_event_id.assign(id->value().data(), id->value().size());
  }
  respond(host_->answer(std::move(*request)), head, options, keep_alive, options);
}

void Connection::respond(Response response, bool head, bool no_body, bool keep_alive, bool allow) {
  auto message = std::make_shared<bhttp::response<bhttp::string_body>>();
  message->version(version_);
  message->result(response.status);
  message->set(bhttp::field::server, "holdfast/" + std::string(holdfast_version()));
  message->set(bhttp::field::content_type, response.content_type);
  message->set(bhttp::field::cache_control, "no-store");
  message->set("X-Content-Type-Options", "nosniff");
  if (allow) message->set(bhttp::field::allow, "GET, HEAD, OPTIONS");
  message->keep_alive(keep_alive);
  if (!no_body) message->body() = std::move(response.body);
  message->prepare_payload();
  if (head) message->body().clear();  // the length stays announced

  stream_.expires_after(host_->options.write_timeout);
  auto serializer = std::make_shared<bhttp::response_serializer<bhttp::string_body>>(*message);
  serializer->split(head);
  const auto done = [self = shared_from_this(), message, serializer, keep_alive](beast::error_code error, size_t) {
    if (error || !keep_alive) {
      beast::error_code ignored;
      self->stream_.socket().shutdown(boost::asio::ip::tcp::socket::shutdown_send, ignored);
      return self->close();
    }
    self->read(self->host_->options.idle_timeout);
  };
  if (head) {
    bhttp::async_write_header(stream_, *serializer, done);
  } else {
    bhttp::async_write(stream_, *serializer, done);
  }
}

}  // namespace holdfast::http
