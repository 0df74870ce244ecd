#include "common/process/helper_thread.h"

#include <linux/close_range.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

namespace holdfast::process {

void name_thread(const char* name) { (void)::pthread_setname_np(::pthread_self(), name); }

void leave_open_files() {
  sigset_t signals;
  ::sigfillset(&signals);
  for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT}) ::sigdelset(&signals, fault);
  (void)::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  // An old kernel without it: the table stays shared, which costs time and nothing else.
  (void)::close_range(3, ~0U, CLOSE_RANGE_UNSHARE);
}

}  // namespace holdfast::process
