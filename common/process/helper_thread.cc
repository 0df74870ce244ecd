#include "common/process/helper_thread.h"

#include <linux/close_range.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>

namespace holdfast::process {

void name_thread(const char* name) { (void)::pthread_setname_np(::pthread_self(), name); }

bool leave_open_files(int kept) {
  constexpr int kFirst = 3;
  sigset_t signals;
  ::sigfillset(&signals);
  for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT}) ::sigdelset(&signals, fault);
  (void)::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  // Only in a table of its own may the rest be closed.
  if (::close_range(static_cast<unsigned>(std::max(kept + 1, kFirst)), ~0U, CLOSE_RANGE_UNSHARE) != 0) return false;
  if (kept > kFirst) (void)::close_range(kFirst, static_cast<unsigned>(kept - 1), 0);
  return true;
}

}  // namespace holdfast::process
