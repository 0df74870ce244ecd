// What both binaries do with their own process: going to the background, pid file, limit of open files, telling systemd.
//
// Called by main's thread at start and at the end. Errors carry the errno.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace holdfast::process {

// `daemonize yes`: forks, leaves the terminal, standard streams to /dev/null. Before any thread is made.
Result<> daemonize();

// Writes the pid file; a failure is reported and is not fatal, as in Redis.
Result<> write_pid_file(const std::string& path);
void remove_pid_file(const std::string& path);

// Raises the limit of open files so that `clients` fit beside what the server itself needs (32). Returns how many clients
// fit: fewer than asked for where the limit cannot be raised; the log has Redis's lines then.
uint32_t fit_open_files(uint32_t clients);

// systemd's notification protocol ("READY=1", "STATUS=...", "STOPPING=1"); nothing without NOTIFY_SOCKET.
void notify_systemd(std::string_view state);

// SIGPIPE and SIGHUP ignored; a crash prints where it was and which build, then ends as the signal says.
void set_up_signals();

// Replaces this process by the program `name` in the folder of this executable, with these arguments (argv[0] aside).
// Returns only when that failed.
Error execute_beside(const std::string& name, int argc, char** argv);

}  // namespace holdfast::process
