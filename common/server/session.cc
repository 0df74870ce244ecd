#include "common/server/session.h"

namespace holdfast::server {

size_t Session::memory_bytes() const {
  return object_bytes() + input_bytes() + input_free_bytes() + output_.capacity() + name.capacity() +
         subscription_bytes + (data == nullptr ? 0 : data->memory_bytes());
}

}  // namespace holdfast::server
