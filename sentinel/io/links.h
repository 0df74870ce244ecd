// The connections that the core asked for: performs its ConnectLink, CloseLink and SendRequest, and reports what
// happens on them. No policy. Executor thread only; nothing is reported from within perform().
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <map>
#include <set>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/net/resp_link.h"
#include "common/net/socket.h"
#include "sentinel/commands/host.h"
#include "sentinel/core/actions.h"
#include "sentinel/core/reply.h"

namespace holdfast::sentinel {

// Whom Links tells. The link may be closed and others opened from within these.
class LinkListener {
 public:
  virtual ~LinkListener() = default;
  virtual void link_up(LinkId link, const std::string& local_ip) = 0;
  virtual void link_down(LinkId link, const Error& reason) = 0;
  // The addresses of a name that was looked up, the preferred first; none: it failed.
  virtual void name_resolved(const std::string& name, const std::vector<std::string>& addresses) = 0;
  virtual void link_hello(LinkId link, std::string_view text) = 0;
  virtual void link_replied(LinkId link, RequestId request, std::span<const Reply> replies) = 0;
};

class Links final : private net::RespLink::Handler {
 public:
  struct Options {
    std::string source_address;  // bind-source-addr
    int keepalive_seconds = 0;
  };

  Links(boost::asio::io_context& io, const Clock& clock, LinkListener& listener, Options options);
  ~Links() override;

  // `resolve`: host names may be resolved (resolve-hostnames).
  void perform(const Effect& effect, bool resolve);
  void look_up(const std::string& name);
  void close_all();

  // The last INFO that the node at this address answered.
  const CachedInfo* cached_info(const Endpoint& address) const;
  // Forgets the texts of all other addresses.
  void keep_cached_info(const std::set<Endpoint>& addresses);

 private:
  struct Open {
    Links* owner;
    std::shared_ptr<net::RespLink> link;
    ConnectLink wanted;
  };

  void connect(const ConnectLink& wanted, bool resolve);
  void send(const SendRequest& request);
  void replied(const Open& open, RequestId id, std::span<const resp::Reply> replies);
  void on_link_up(net::RespLink& link, const std::string& local_address) override;
  void on_link_down(net::RespLink& link, const Error& error) override;
  void on_link_push(net::RespLink& link, const resp::Reply& message) override;

  using Resolver = boost::asio::ip::basic_resolver<boost::asio::ip::tcp, net::Executor>;

  boost::asio::io_context& io_;
  Resolver resolver_;
  const Clock& clock_;
  LinkListener& listener_;
  const Options options_;
  std::unordered_map<LinkId, Open> links_;
  std::map<Endpoint, CachedInfo> cache_;
};

}  // namespace holdfast::sentinel
