#include "common/process/helper_thread.h"

#include <linux/close_range.h>
#include <pthread.h>
#include <unistd.h>

namespace holdfast::process {

void name_thread(const char* name) { (void)::pthread_setname_np(::pthread_self(), name); }

void leave_open_files() {
  // An old kernel without it: the table stays shared, which costs time and nothing else.
  (void)::close_range(3, ~0U, CLOSE_RANGE_UNSHARE);
}

}  // namespace holdfast::process
