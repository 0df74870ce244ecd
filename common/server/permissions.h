// What users' permissions mean for the clients of a server: refusals with their words and their record in ACL LOG, and
// clients that must go because their user changed. Executor thread only. Words: Redis's.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "common/server/server.h"
#include "common/server/session.h"

namespace holdfast::server {

// Why this client may not run this request; nullopt: it may. `id` is that of the row (CommandInfo). A refusal is
// logged.
std::optional<std::string> refusal_by_user(Server& server, const Session& session, int id,
                                           std::span<const std::string_view> args,
                                           std::string_view context = "toplevel");
// The same for a queued command when its turn has come.
std::optional<std::string> refusal_in_exec(Server& server, const Session& session, int id,
                                           std::span<const std::string_view> args);
// Whether this request, which may run, may read any key besides those it names (SORT BY and GET).
bool may_read_all_keys(const Server& server, const Session& session, int id, std::span<const std::string_view> args);
void log_failed_login(Server& server, const Session& session, std::string_view command, std::string_view user);

// Disconnects clients of users that are gone; or of all users but the default one. `me` gets its reply first.
void drop_clients_of_removed(Server& server, Session& me);
void drop_named_clients(Server& server, Session& me);
// Disconnects clients that listen to what their user may no longer listen to.
void follow_changed_user(Server& server, Session& me, const access::User& user);

}  // namespace holdfast::server
