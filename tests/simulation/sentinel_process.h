// A simulated sentinel process: the real core and the real store, over files that forget what was not synced, with the
// thinnest of drivers. It performs Actions in the order that their type demands; a crash may fall between any two steps.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "sentinel/core/sentinel.h"
#include "sentinel/state/state_store.h"
#include "tests/simulation/data_node.h"
#include "tests/simulation/process.h"
#include "tests/support/faulty_file_system.h"

namespace holdfast::simulation {

class World;

class SentinelProcess : public Process {
 public:
  SentinelProcess(World& world, size_t index) : world_(world), index_(index) { is_sentinel = true; }

  void boot(const std::string& config_text);  // the first start
  void start();                               // from its file
  void crash();                               // a power cut: unsynced bytes are lost
  sentinel::Sentinel& core() { return *core_; }
  const sentinel::Sentinel& core() const { return *core_; }
  test::FaultyFileSystem& files() { return files_; }
  size_t index() const { return index_; }

  void perform(sentinel::Actions actions, std::function<void(bool saved)> answer = {});
  void failover(const std::string& name, const sentinel::FailoverOrder& order);

  // From the network.
  void link_up(sentinel::LinkId link, uint64_t server_incarnation);
  void link_down(sentinel::LinkId link, sentinel::LinkEnd how = sentinel::LinkEnd::lost);
  void replied(sentinel::LinkId link, sentinel::RequestId id, std::vector<sentinel::Reply> replies);
  void hello(sentinel::LinkId link, const std::string& text);
  void serve(const ClientLink& client, const sentinel::SendRequest& request);

 private:
  struct Outgoing {
    Process* server = nullptr;
    uint64_t server_incarnation = 0;  // 0: not connected yet
    sentinel::LinkKind kind = sentinel::LinkKind::command;
  };

  void perform_effect(sentinel::Effect& effect);
  void connect(const sentinel::ConnectLink& connect);
  void send(const sentinel::SendRequest& send);
  void serve_configuration(const ClientLink& client, const sentinel::SendRequest& send);
  void settle_later();
  void set_timer();
  void on_timer(Instant when);

  World& world_;
  const size_t index_;
  test::FaultyFileSystem files_;
  std::unique_ptr<sentinel::ConfigFileStore> store_;
  std::unique_ptr<sentinel::Sentinel> core_;
  std::map<sentinel::LinkId, Outgoing> links_;
  Instant timer_at_ = Instant::max();
};

}  // namespace holdfast::simulation
