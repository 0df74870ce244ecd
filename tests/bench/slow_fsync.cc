// A preload shim for the benchmarks: every fsync and fdatasync of the process takes a given time longer, as on a slower
// disk, the same for each server that is measured.
//
//     LD_PRELOAD=libbench_slow_fsync.so BENCH_FSYNC_DELAY_US=1000 redis-server ...
//
// The calling thread sleeps after the real call has returned; other threads go on, so calls of several threads overlap as
// they do on a disk. Without the variable nothing is slowed.
#include <dlfcn.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <ctime>

namespace {

using Sync = int (*)(int);

int slowed(const char* name, int fd) {
  const auto real = reinterpret_cast<Sync>(::dlsym(RTLD_NEXT, name));
  const int done = real(fd);
  const int kept = errno;
  const char* given = std::getenv("BENCH_FSYNC_DELAY_US");
  const long delay_us = given == nullptr ? 0 : std::strtol(given, nullptr, 10);
  if (delay_us > 0) {
    ::prctl(PR_SET_TIMERSLACK, 1UL);  // of this thread: the sleep is to end when it should
    timespec left{delay_us / 1'000'000, delay_us % 1'000'000 * 1000};
    while (::nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
  }
  errno = kept;
  return done;
}

}  // namespace

extern "C" int fsync(int fd) { return slowed("fsync", fd); }
extern "C" int fdatasync(int fd) { return slowed("fdatasync", fd); }
