#include "sentinel/core/event.h"

#include <array>

#include "common/base/assert.h"

namespace holdfast::sentinel {

namespace {

constexpr auto kVerbose = EventLevel::verbose;
constexpr auto kNotice = EventLevel::notice;
constexpr auto kWarning = EventLevel::warning;

constexpr std::array<EventInfo, static_cast<size_t>(Event::kCount)> kEvents{{
    {Event::monitor, "+monitor", kWarning},
    {Event::unmonitor, "-monitor", kWarning},
    {Event::reset_master, "+reset-master", kWarning},
    {Event::set, "+set", kWarning},
    {Event::sdown, "+sdown", kWarning},
    {Event::sdown_end, "-sdown", kWarning},
    {Event::odown, "+odown", kWarning},
    {Event::odown_end, "-odown", kWarning},
    {Event::new_epoch, "+new-epoch", kWarning},
    {Event::try_failover, "+try-failover", kWarning},
    {Event::vote_for_leader, "+vote-for-leader", kWarning},
    {Event::elected_leader, "+elected-leader", kWarning},
    {Event::failover_abort_not_elected, "-failover-abort-not-elected", kWarning},
    {Event::failover_abort_no_good_slave, "-failover-abort-no-good-slave", kWarning},
    {Event::failover_abort_slave_timeout, "-failover-abort-slave-timeout", kWarning},
    {Event::failover_abort_coordinated, "-failover-abort-coordinated", kWarning},
    {Event::failover_state_select_slave, "+failover-state-select-slave", kWarning},
    {Event::selected_slave, "+selected-slave", kWarning},
    {Event::failover_state_send_failover, "+failover-state-send-failover", kNotice},
    {Event::failover_state_send_failover_end, "-failover-state-send-failover", kWarning},
    {Event::failover_state_send_slaveof_noone, "+failover-state-send-slaveof-noone", kNotice},
    {Event::failover_state_wait_promotion, "+failover-state-wait-promotion", kNotice},
    {Event::promoted_slave, "+promoted-slave", kWarning},
    {Event::failover_state_reconf_slaves, "+failover-state-reconf-slaves", kWarning},
    {Event::switch_master, "+switch-master", kWarning},
    {Event::slave_reconf_sent, "+slave-reconf-sent", kNotice},
    {Event::slave_reconf_sent_timeout, "-slave-reconf-sent-timeout", kNotice},
    {Event::slave_reconf_inprog, "+slave-reconf-inprog", kNotice},
    {Event::slave_reconf_done, "+slave-reconf-done", kNotice},
    {Event::failover_end_for_timeout, "+failover-end-for-timeout", kWarning},
    {Event::failover_end, "+failover-end", kWarning},
    {Event::config_update_from, "+config-update-from", kWarning},
    {Event::slave, "+slave", kNotice},
    {Event::slave_forgotten, "-slave", kNotice},
    {Event::sentinel, "+sentinel", kNotice},
    {Event::sentinel_forgotten, "-sentinel", kNotice},
    {Event::sentinel_address_switch, "+sentinel-address-switch", kNotice},
    {Event::sentinel_invalid_addr, "+sentinel-invalid-addr", kNotice},
    {Event::reboot, "+reboot", kNotice},
    {Event::reboot_empty, "+reboot-empty", kWarning},
    {Event::convert_to_slave, "+convert-to-slave", kNotice},
    {Event::fix_slave_config, "+fix-slave-config", kNotice},
    {Event::role_change, "+role-change", kVerbose},
    {Event::role_change_end, "-role-change", kVerbose},
    {Event::tilt, "+tilt", kWarning},
    {Event::tilt_end, "-tilt", kWarning},
    {Event::script_error, "-script-error", kWarning},
    {Event::script_timeout, "-script-timeout", kWarning},
}};

constexpr bool in_order() {
  for (size_t i = 0; i < kEvents.size(); ++i) {
    if (static_cast<size_t>(kEvents[i].event) != i) return false;
  }
  return true;
}
static_assert(in_order(), "one row for each Event, in the enum's order");

}  // namespace

std::span<const EventInfo> events() { return kEvents; }

const EventInfo& info_of(Event event) {
  HOLDFAST_ASSERT(event < Event::kCount);
  return kEvents[static_cast<size_t>(event)];
}

std::string Notice::log_line() const {
  std::string line(info_of(event).name);
  if (!payload.empty()) {
    line += ' ';
    line += payload;
  }
  return line;
}

}  // namespace holdfast::sentinel
