// The title of the process in ps and top: what /proc/<pid>/cmdline shows is this process's own memory, which is
// written over.
//
// keep_arguments() first, once, by main's thread, before anything keeps a pointer into the environment; then
// set_title() as often as needed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace holdfast::process {

// Moves the environment away, so that there is room behind the arguments.
void keep_arguments(int argc, char** argv);
// Cut where the room ends. Nothing before keep_arguments().
void set_title(std::string_view title);
// argv[0], as the process was started.
const std::string& started_as();

struct TitleFacts {
  std::string listen_address;  // "*:6379", "127.0.0.1:6379", a unix socket's path
  std::string mode;            // "[sentinel]", "[cluster]" or nothing
  uint16_t port = 0, tls_port = 0;
  std::string unix_socket, config_file;
};

// proc-title-template with its variables filled in; `format` has been checked.
std::string title_from(std::string_view format, std::string_view title, const TitleFacts& facts);

}  // namespace holdfast::process
