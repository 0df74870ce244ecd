#include "sentinel/io/links.h"

#include <algorithm>

#include "common/hello/hello.h"
#include "common/log/log.h"

namespace holdfast::sentinel {

namespace {

constexpr std::string_view kPing = "*1\r\n$4\r\nPING\r\n";

// As the core reads replies: RESP2's types. Aggregates of RESP3 become arrays, its scalars text or integers.
Reply converted(const resp::Reply& reply) {
  switch (reply.type) {
    case resp::Reply::Type::simple:
      return Reply::status(reply.text);
    case resp::Reply::Type::error:
      return Reply::error(reply.text);
    case resp::Reply::Type::integer:
    case resp::Reply::Type::boolean:
      return Reply::number(reply.integer);
    case resp::Reply::Type::bulk:
    case resp::Reply::Type::real:
    case resp::Reply::Type::big_number:
    case resp::Reply::Type::verbatim:
      return Reply::bulk(reply.text);
    case resp::Reply::Type::null:
      return {};
    case resp::Reply::Type::array:
    case resp::Reply::Type::map:
    case resp::Reply::Type::set:
    case resp::Reply::Type::push:
      break;
  }
  std::vector<Reply> elements;
  elements.reserve(reply.items.size());
  for (const resp::Reply& item : reply.items) elements.push_back(converted(item));
  return Reply::array(std::move(elements));
}

std::string renamed(const ConnectLink& wanted, const std::string& name) {
  if (wanted.renames != nullptr) {
    if (const auto found = wanted.renames->find(name); found != wanted.renames->end()) return found->second;
  }
  return name;
}

// What goes first on a new connection.
std::vector<net::RespLink::Command> greeting(const ConnectLink& wanted) {
  std::vector<net::RespLink::Command> commands;
  if (!wanted.auth_pass.empty()) {
    net::RespLink::Command auth = {renamed(wanted, "AUTH")};
    if (!wanted.auth_user.empty()) auth.push_back(wanted.auth_user);
    auth.push_back(wanted.auth_pass);
    commands.push_back(std::move(auth));
  }
  commands.push_back({renamed(wanted, "CLIENT"), "SETNAME", wanted.client_name});
  if (wanted.kind == LinkKind::pubsub) commands.push_back({renamed(wanted, "SUBSCRIBE"), std::string(kHelloChannel)});
  return commands;
}

}  // namespace

Links::Links(boost::asio::io_context& io, const Clock& clock, LinkListener& listener, Options options)
    : io_(io), resolver_(io.get_executor()), clock_(clock), listener_(listener), options_(std::move(options)) {}

Links::~Links() { close_all(); }

void Links::close_all() {
  resolver_.cancel();
  for (auto& [id, open] : links_) open.link->close();
  links_.clear();
}

// The resolver has a thread of its own, where a slow name server makes nobody else wait.
void Links::look_up(const std::string& name) {
  resolver_.async_resolve(name, "", [this, name](boost::system::error_code error, const Resolver::results_type& results) {
    if (error == boost::asio::error::operation_aborted) return;
    std::vector<std::string> addresses;
    if (!error) {
      for (const auto& result : results) addresses.push_back(result.endpoint().address().to_string());
    }
    if (error) log::debug("{} does not resolve: {}", name, error.message());
    listener_.name_resolved(name, addresses);
  });
}

void Links::perform(const Effect& effect, bool resolve) {
  if (const auto* wanted = std::get_if<ConnectLink>(&effect)) return connect(*wanted, resolve);
  if (const auto* request = std::get_if<SendRequest>(&effect)) return send(*request);
  const auto found = links_.find(std::get<CloseLink>(effect).link);
  if (found == links_.end()) return;
  found->second.link->close();
  links_.erase(found);
}

void Links::connect(const ConnectLink& wanted, bool resolve) {
  net::RespLink::Options options;
  options.address = wanted.address;
  options.tag = wanted.link;
  options.source_address = options_.source_address;
  options.resolve = resolve;
  options.pushes = wanted.kind == LinkKind::pubsub;
  options.keepalive_seconds = options_.keepalive_seconds;
  links_[wanted.link] = {this, net::RespLink::open(io_, std::move(options), *this), wanted};
}

void Links::send(const SendRequest& request) {
  const auto found = links_.find(request.link);
  if (found == links_.end()) return;
  // The callbacks are small enough to be kept without an allocation. They do not outlive `open`.
  const Open& open = found->second;
  net::RespLink& link = *open.link;
  if (request.request.kind == Request::Kind::info) {
    return link.send(commands_of(request.request), [&open, id = request.id](std::span<const resp::Reply> replies) {
      if (replies[0].type == resp::Reply::Type::bulk) {
        open.owner->cache_[open.wanted.address] = {replies[0].text, open.owner->clock_.now()};
      }
      open.owner->replied(open, id, replies);
    });
  }
  const auto done = [&open, id = request.id](std::span<const resp::Reply> replies) {
    open.owner->replied(open, id, replies);
  };
  if (request.request.kind == Request::Kind::ping && request.request.renames == nullptr) {
    return link.send_encoded(kPing, 1, done);
  }
  link.send(commands_of(request.request), done);
}

void Links::replied(const Open& open, RequestId id, std::span<const resp::Reply> replies) {
  const LinkId link = open.wanted.link;
  if (replies.size() == 1) {
    const Reply only = converted(replies[0]);
    return listener_.link_replied(link, id, {&only, 1});
  }
  std::vector<Reply> plain;
  plain.reserve(replies.size());
  for (const resp::Reply& reply : replies) plain.push_back(converted(reply));
  listener_.link_replied(link, id, plain);
}

void Links::on_link_up(net::RespLink& link, const std::string& local_address) {
  const auto found = links_.find(link.tag());
  if (found == links_.end()) return;
  link.send(greeting(found->second.wanted), nullptr);
  listener_.link_up(link.tag(), local_address);
}

void Links::on_link_down(net::RespLink& link, const Error& error) {
  const LinkId id = link.tag();
  if (links_.erase(id) > 0) listener_.link_down(id, error);
}

void Links::on_link_push(net::RespLink& link, const resp::Reply& message) {
  if (message.items.size() != 3 || message.items[0].text != "message" || message.items[1].text != kHelloChannel) return;
  listener_.link_hello(link.tag(), message.items[2].text);
}

const CachedInfo* Links::cached_info(const Endpoint& address) const {
  const auto found = cache_.find(address);
  return found == cache_.end() ? nullptr : &found->second;
}

void Links::keep_cached_info(const std::set<Endpoint>& addresses) {
  std::erase_if(cache_, [&](const auto& entry) { return !addresses.contains(entry.first); });
}

}  // namespace holdfast::sentinel
