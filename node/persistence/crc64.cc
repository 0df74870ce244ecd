#include "node/persistence/crc64.h"

#include <isa-l/crc64.h>

namespace holdfast::node {

uint64_t crc64(uint64_t crc, std::string_view bytes) {
  // The library inverts the register before and after; Redis's form does not, so undo both.
  return ~crc64_jones_refl(~crc, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
}

}  // namespace holdfast::node
