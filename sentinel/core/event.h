// Everything that a sentinel reports: one enum, rendered by the log, by pub/sub (the channel is the event's name) and by
// the metrics. The payload's text is made where the event happens, because what it names changes right after.
//
// Payload of most events: `<type> <name> <ip> <port>`, and ` @ <primary> <ip> <port>` where the instance is not a primary.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::sentinel {

enum class Event : uint8_t {
  monitor,
  unmonitor,
  reset_master,
  set,
  sdown,
  sdown_end,
  odown,
  odown_end,
  new_epoch,
  try_failover,
  vote_for_leader,
  elected_leader,
  failover_abort_not_elected,
  failover_abort_no_good_slave,
  failover_abort_slave_timeout,
  failover_abort_coordinated,
  failover_state_select_slave,
  selected_slave,
  failover_state_send_failover,
  failover_state_send_failover_end,
  failover_state_send_slaveof_noone,
  failover_state_wait_promotion,
  promoted_slave,
  failover_state_reconf_slaves,
  switch_master,
  slave_reconf_sent,
  slave_reconf_sent_timeout,
  slave_reconf_inprog,
  slave_reconf_done,
  failover_end_for_timeout,
  failover_end,
  config_update_from,
  slave,
  slave_forgotten,
  sentinel,
  sentinel_forgotten,
  sentinel_address_switch,
  sentinel_invalid_addr,
  reboot,
  reboot_empty,
  convert_to_slave,
  fix_slave_config,
  role_change,
  role_change_end,
  tilt,
  tilt_end,
  script_error,
  script_timeout,
  kCount,
};

enum class EventLevel : uint8_t { verbose, notice, warning };  // warnings also run the notification script

struct EventInfo {
  Event event;
  std::string_view name;  // "+sdown": the pub/sub channel, and the first word of the log line
  EventLevel level;
};

// One row for each Event, in its order.
std::span<const EventInfo> events();
const EventInfo& info_of(Event event);

struct Notice {
  Event event;
  std::string payload;  // the pub/sub message
  std::string primary;  // the primary concerned; "" for the sentinel as a whole (metrics' label)
  uint64_t epoch = 0;   // of the failover of this sentinel's own that it belongs to, if it does
  // The primary's scripts as they were set then; "" and empty: none.
  std::string notification_script;           // to be run for events of level warning
  std::vector<std::string> reconfig_script;  // with its arguments; only +switch-master has it

  std::string log_line() const;  // "+sdown master mymaster 127.0.0.1 6379"
};

}  // namespace holdfast::sentinel
