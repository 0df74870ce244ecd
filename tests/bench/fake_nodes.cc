// Many data nodes in one process, as far as a sentinel can tell: a primary and its replicas for each group, every node at
// an address of its own on loopback. They keep nothing; they answer what sentinels ask.
//
//   bench_fake_nodes FIRST_GROUP GROUPS REPLICAS PORT
//
// Node `i` of group `g` (0 is the primary) listens at PORT of 127.(10+i).(g/250).(1+g%250). Lines on stdin control it; each
// is answered with a line on stdout:
//
//   kill G          the present primary of group G closes its port and its connections     "killed HOST"
//   counts          requests served since the last such line, by kind                      {"ping": N, ...}
//
// Ends at the end of stdin. One thread. A client that does not read what it is sent is disconnected.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/base/text.h"
#include "common/resp/request_parser.h"
#include "common/resp/writer.h"

namespace holdfast::bench {
namespace {

constexpr std::string_view kHelloChannel = "__sentinel__:hello";
constexpr int kGroupsInAByte = 250;
constexpr int kFillerLines = 170;  // so that an INFO is as long as a real one: some 5,000 bytes
constexpr int kBacklog = 128;

struct Connection;

struct Node {
  int group = 0;
  int index = 0;
  std::string host;
  std::string run_id;
  std::string primary_host;  // of a replica; "" = it is a primary
  int listener = -1;
  std::vector<Connection*> open;

  bool alive() const { return listener >= 0; }
};

struct Connection {
  int fd = -1;
  Node* node = nullptr;
  bool subscribed = false;
  bool in_transaction = false;
  std::vector<std::vector<std::string>> queued;
  resp::RequestParser parser;
  std::string input;
  std::string output;
};

const std::string& filler() {
  static const std::string text = [] {
    std::string lines;
    for (int i = 0; i < kFillerLines; ++i) lines += fmt::format("a_field_of_no_use_{}:{}\r\n", i, 100'000 + i);
    return lines;
  }();
  return text;
}

class FakeNodes {
 public:
  FakeNodes(int first_group, int groups, int replicas, uint16_t port)
      : first_(first_group), members_(replicas + 1), port_(port), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    for (int group = first_; group < first_ + groups; ++group) {
      for (int index = 0; index < members_; ++index) add_node(group, index);
    }
    watch(STDIN_FILENO, EPOLL_CTL_ADD);
  }

  bool ready() const { return ready_; }

  void run() {
    std::array<epoll_event, 512> events{};
    while (!ended_) {
      const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < count; ++i) handle(events[static_cast<size_t>(i)].data.fd);
    }
  }

 private:
  void add_node(int group, int index) {
    const auto host = [&](int i) {
      return fmt::format("127.{}.{}.{}", 10 + i, group / kGroupsInAByte, 1 + group % kGroupsInAByte);
    };
    auto node = std::make_unique<Node>();
    node->group = group;
    node->index = index;
    node->host = host(index);
    node->run_id = fmt::format("{:020x}{:020x}", group + 1, index + 1);
    if (index > 0) node->primary_host = host(0);
    node->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int yes = 1;
    setsockopt(node->listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port_);
    inet_pton(AF_INET, node->host.c_str(), &address.sin_addr);
    if (bind(node->listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        listen(node->listener, kBacklog) != 0) {
      ready_ = false;
      return;
    }
    watch(node->listener, EPOLL_CTL_ADD);
    listeners_[node->listener] = node.get();
    nodes_.push_back(std::move(node));
  }

  void watch(int fd, int operation) const {
    epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
    epoll_ctl(epoll_, operation, fd, &event);
  }

  void handle(int fd) {
    if (fd == STDIN_FILENO) return control();
    if (const auto listener = listeners_.find(fd); listener != listeners_.end()) return accept_at(*listener->second);
    if (const auto found = connections_.find(fd); found != connections_.end()) serve(*found->second);
  }

  void accept_at(Node& node) {
    const int fd = accept4(node.listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    const int yes = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    auto connection = std::make_unique<Connection>();
    connection->fd = fd;
    connection->node = &node;
    node.open.push_back(connection.get());
    connections_[fd] = std::move(connection);
    watch(fd, EPOLL_CTL_ADD);
  }

  void close_connection(Connection& connection) {
    std::erase(connection.node->open, &connection);
    close(connection.fd);
    connections_.erase(connection.fd);  // ends the object
  }

  void serve(Connection& connection) {
    std::array<char, 16384> buffer{};
    const ssize_t got = recv(connection.fd, buffer.data(), buffer.size(), 0);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) return close_connection(connection);
    if (got < 0) return;
    connection.input.append(buffer.data(), static_cast<size_t>(got));
    Node& node = *connection.node;
    std::string_view rest = connection.input;
    while (!rest.empty()) {
      const auto status = connection.parser.parse(rest, {});
      if (status == resp::RequestParser::Status::error) return close_connection(connection);
      if (status == resp::RequestParser::Status::need_more) break;
      std::vector<std::string> words;
      for (const std::string_view word : connection.parser.args()) words.emplace_back(word);
      rest.remove_prefix(connection.parser.consumed());
      if (!words.empty()) take(connection, words);
    }
    connection.input = std::string(rest);
    // What was published here goes to other connections of the node as well.
    const std::vector<Connection*> open = node.open;
    for (Connection* other : open) flush(*other);
  }

  void flush(Connection& connection) {
    if (connection.output.empty()) return;
    const auto size = static_cast<ssize_t>(connection.output.size());
    const bool sent = send(connection.fd, connection.output.data(), connection.output.size(), MSG_NOSIGNAL) == size;
    connection.output.clear();
    if (!sent) close_connection(connection);
  }

  void take(Connection& connection, std::vector<std::string>& words) {
    std::ranges::transform(words[0], words[0].begin(), [](unsigned char c) { return std::tolower(c); });
    ++counts_[words[0]];
    resp::Writer reply(connection.output);
    if (words[0] == "multi") {
      connection.in_transaction = true;
      reply.ok();
    } else if (words[0] == "exec") {
      connection.in_transaction = false;
      reply.array(connection.queued.size());
      for (const auto& queued : std::exchange(connection.queued, {})) execute(connection, queued, reply);
    } else if (connection.in_transaction) {
      connection.queued.push_back(words);
      reply.simple("QUEUED");
    } else {
      execute(connection, words, reply);
    }
  }

  void execute(Connection& connection, const std::vector<std::string>& words, resp::Writer& reply) {
    Node& node = *connection.node;
    const std::string& name = words[0];
    if (name == "ping") {
      reply.simple("PONG");
    } else if (name == "info") {
      reply.bulk(info(node));
    } else if (name == "role") {
      role(node, reply);
    } else if (name == "subscribe" && words.size() == 2) {
      connection.subscribed = true;
      reply.array(3);
      reply.bulk("subscribe");
      reply.bulk(words[1]);
      reply.integer(1);
    } else if (name == "publish" && words.size() == 3) {
      reply.integer(publish(node, words[2]));
    } else if (name == "slaveof" && words.size() == 3) {
      node.primary_host = iequals(words[1], "no") ? "" : words[1];
      reply.ok();
    } else if (name == "client" && words.size() > 1 && iequals(words[1], "kill")) {
      reply.integer(0);
    } else if (name == "client" || name == "config" || name == "auth") {
      reply.ok();
    } else {
      reply.error("ERR unknown command");
    }
  }

  static int64_t publish(const Node& node, std::string_view message) {
    int64_t heard = 0;
    for (Connection* other : node.open) {
      if (!other->subscribed) continue;
      resp::Writer push(other->output);
      push.array(3);
      push.bulk("message");
      push.bulk(kHelloChannel);
      push.bulk(message);
      ++heard;
    }
    return heard;
  }

  std::vector<Node*> group_of(const Node& node) const {
    const auto begin = static_cast<size_t>((node.group - first_) * members_);
    std::vector<Node*> found;
    for (size_t i = begin; i < begin + static_cast<size_t>(members_); ++i) found.push_back(nodes_[i].get());
    return found;
  }

  std::string info(const Node& node) const {
    std::string text = fmt::format("# Server\r\nredis_version:7.0.15\r\nrun_id:{}\r\ntcp_port:{}\r\n{}# Replication\r\n",
                                   node.run_id, port_, filler());
    if (node.primary_host.empty()) {
      text += "role:master\r\n";
      int number = 0;
      for (const Node* other : group_of(node)) {
        if (!other->alive() || other->primary_host != node.host) continue;
        text += fmt::format("slave{}:ip={},port={},state=online,offset=1000,lag=0\r\n", number++, other->host, port_);
      }
      text += fmt::format("connected_slaves:{}\r\n", number);
    } else {
      const auto group = group_of(node);
      const bool up = std::ranges::any_of(
          group, [&](const Node* n) { return n->alive() && n->host == node.primary_host && n->primary_host.empty(); });
      text += fmt::format(
          "role:slave\r\nmaster_host:{}\r\nmaster_port:{}\r\nmaster_link_status:{}\r\n{}slave_repl_offset:1000\r\n"
          "slave_priority:100\r\nreplica_announced:1\r\n",
          node.primary_host, port_, up ? "up" : "down", up ? "" : "master_link_down_since_seconds:1\r\n");
    }
    text += fmt::format("master_replid:{:040x}\r\nmaster_repl_offset:1000\r\n", node.group + 1);
    return text;
  }

  void role(const Node& node, resp::Writer& reply) const {
    if (node.primary_host.empty()) {
      reply.array(3);
      reply.bulk("master");
      reply.integer(1000);
      reply.array(0);
    } else {
      reply.array(5);
      reply.bulk("slave");
      reply.bulk(node.primary_host);
      reply.integer(port_);
      reply.bulk("connected");
      reply.integer(1000);
    }
  }

  void control() {
    std::array<char, 4096> buffer{};
    const ssize_t got = read(STDIN_FILENO, buffer.data(), buffer.size());
    if (got <= 0) {
      ended_ = true;
      return;
    }
    for (const std::string_view line : split(std::string_view(buffer.data(), static_cast<size_t>(got)), '\n')) {
      const auto words = split(line, ' ');
      if (words[0] == "counts") tell_counts();
      if (words[0] == "kill" && words.size() == 2) kill_primary(static_cast<int>(parse_int64(words[1]).value_or(-1)));
    }
  }

  void tell_counts() {
    std::string line;
    for (const auto& [name, count] : counts_) line += fmt::format("{}\"{}\": {}", line.empty() ? "" : ", ", name, count);
    counts_.clear();
    fmt::print("{{{}}}\n", line);
    std::fflush(stdout);
  }

  void kill_primary(int group) {
    for (const auto& node : nodes_) {
      if (node->group != group || !node->alive() || !node->primary_host.empty()) continue;
      listeners_.erase(node->listener);
      close(std::exchange(node->listener, -1));
      const std::vector<Connection*> open = node->open;
      for (Connection* connection : open) close_connection(*connection);
      fmt::print("killed {}\n", node->host);
      std::fflush(stdout);
      return;
    }
    fmt::print("no such primary\n");
    std::fflush(stdout);
  }

  const int first_;
  const int members_;
  const uint16_t port_;
  const int epoll_;
  bool ready_ = true;
  bool ended_ = false;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::unordered_map<int, Node*> listeners_;
  std::unordered_map<int, std::unique_ptr<Connection>> connections_;
  std::map<std::string, uint64_t> counts_;
};

int run(const std::vector<int64_t>& numbers) {
  std::signal(SIGPIPE, SIG_IGN);
  FakeNodes nodes(static_cast<int>(numbers[0]), static_cast<int>(numbers[1]), static_cast<int>(numbers[2]),
                  static_cast<uint16_t>(numbers[3]));
  if (!nodes.ready()) {
    fmt::print(stderr, "an address is in use, or there are too few descriptors\n");
    return 1;
  }
  fmt::print("ready\n");
  std::fflush(stdout);
  nodes.run();
  return 0;
}

}  // namespace
}  // namespace holdfast::bench

int main(int argc, char** argv) {
  std::vector<int64_t> numbers;
  for (int i = 1; i < argc; ++i) numbers.push_back(holdfast::parse_int64(argv[i]).value_or(-1));
  if (numbers.size() != 4 || *std::ranges::min_element(numbers) < 0) {
    fmt::print(stderr, "usage: bench_fake_nodes FIRST_GROUP GROUPS REPLICAS PORT\n");
    return 2;
  }
  return holdfast::bench::run(numbers);
}
