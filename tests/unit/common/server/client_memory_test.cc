#include "common/server/client_memory.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace holdfast::server {
namespace {

class Client final : public Session {
 public:
  Client(uint64_t id, size_t bytes) : Session(id), bytes(bytes) {}
  size_t object_bytes() const override { return bytes - name.capacity() - output_.capacity(); }
  size_t bytes;
};

class ClientMemoryTest : public ::testing::Test {
 protected:
  static constexpr size_t kKilo = 1024;

  Client& add(size_t bytes) {
    clients.push_back(std::make_unique<Client>(clients.size() + 1, bytes));
    memory.count(*clients.back());
    return *clients.back();
  }

  ClientMemory memory;
  std::vector<std::unique_ptr<Client>> clients;
};

TEST_F(ClientMemoryTest, CountsNothingWithoutALimit) {
  add(100 * kKilo);
  EXPECT_EQ(memory.total(), 0U);
  EXPECT_FALSE(memory.exceeded());
  EXPECT_EQ(memory.largest(), nullptr);
}

TEST_F(ClientMemoryTest, SumsWhatEachHoldsNow) {
  memory.set_limit(1000 * kKilo);
  Client& first = add(100 * kKilo);
  add(50 * kKilo);
  EXPECT_EQ(memory.total(), 150 * kKilo);
  first.bytes = 10 * kKilo;
  memory.count(first);
  memory.count(first);
  EXPECT_EQ(memory.total(), 60 * kKilo);
  memory.forget(first);
  memory.forget(first);
  EXPECT_EQ(memory.total(), 50 * kKilo);
}

TEST_F(ClientMemoryTest, IsExceededOnlyAboveTheLimit) {
  memory.set_limit(100 * kKilo);
  Client& client = add(100 * kKilo);
  EXPECT_FALSE(memory.exceeded());
  ++client.bytes;
  memory.count(client);
  EXPECT_TRUE(memory.exceeded());
}

TEST_F(ClientMemoryTest, OneOfTheLargestClassGoesFirst) {
  memory.set_limit(1);
  Client& small = add(20 * kKilo);
  Client& large = add(5000 * kKilo);
  Client& middle = add(300 * kKilo);
  EXPECT_EQ(memory.largest(), &large);
  memory.forget(large);
  EXPECT_EQ(memory.largest(), &middle);
  small.bytes = 2000 * kKilo;
  memory.count(small);
  EXPECT_EQ(memory.largest(), &small);
  memory.forget(small);
  memory.forget(middle);
  EXPECT_EQ(memory.largest(), nullptr);
  EXPECT_EQ(memory.total(), 0U);
}

TEST_F(ClientMemoryTest, ProtectedClientsCountButStay) {
  memory.set_limit(1);
  Client& client = add(500 * kKilo);
  client.no_evict = true;
  memory.count(client);
  EXPECT_EQ(memory.largest(), nullptr);
  EXPECT_TRUE(memory.exceeded());
  client.no_evict = false;
  memory.count(client);
  EXPECT_EQ(memory.largest(), &client);
}

TEST_F(ClientMemoryTest, ReplicasAndClosingClientsAreNotCounted) {
  memory.set_limit(1);
  Client& replica = add(500 * kKilo);
  Client& closing = add(600 * kKilo);
  replica.type = ClientType::replica;
  memory.count(replica);
  closing.closing = true;
  memory.count(closing);
  EXPECT_EQ(memory.total(), 0U);
  EXPECT_EQ(memory.largest(), nullptr);
}

TEST_F(ClientMemoryTest, TakingTheLimitAwayForgetsAll) {
  memory.set_limit(1);
  Client& client = add(500 * kKilo);
  memory.set_limit(0);
  EXPECT_EQ(memory.total(), 0U);
  EXPECT_EQ(memory.largest(), nullptr);
  memory.set_limit(1);
  memory.count(client);
  EXPECT_EQ(memory.total(), 500 * kKilo);
}

TEST_F(ClientMemoryTest, ManyMembersOfAClassMayLeaveInAnyOrder) {
  memory.set_limit(1);
  for (int i = 0; i < 50; ++i) add(100 * kKilo);
  for (size_t i = 0; i < clients.size(); i += 2) memory.forget(*clients[i]);
  for (size_t i = 1; i < clients.size(); i += 2) {
    clients[i]->bytes = 9000 * kKilo;
    memory.count(*clients[i]);
  }
  EXPECT_EQ(memory.total(), 25 * 9000 * kKilo);
  size_t gone = 0;
  while (Session* next = memory.largest()) {
    memory.forget(*next);
    ++gone;
  }
  EXPECT_EQ(gone, 25U);
}

}  // namespace
}  // namespace holdfast::server
