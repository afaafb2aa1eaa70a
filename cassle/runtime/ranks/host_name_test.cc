#include "cassle/runtime/ranks/host_name.h"

#include <string>
#include <vector>

#include "cassle/base/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(HostNameTest, AnAddressIsNotWaitedFor) {
  std::vector<std::string> said;
  EXPECT_OK(WaitForHost(
      "127.0.0.1", absl::ZeroDuration(), [&](const std::string& s) { said.push_back(s); },
      [] { return false; }));
  EXPECT_THAT(said, IsEmpty());
}

TEST(HostNameTest, ANameThatDoesNotResolveIsSaidWaitedForAndNamed) {
  std::vector<std::string> said;
  const auto say = [&](const std::string& s) { said.push_back(s); };
  EXPECT_THAT(WaitForHost("no such host", absl::Milliseconds(300), say, [] { return false; }),
              StatusIs(absl::StatusCode::kUnavailable,
                       HasSubstr("the host of rank 0, 'no such host', does not resolve")));
  EXPECT_THAT(said, ElementsAre(HasSubstr("Waiting for it, 300ms")));
  EXPECT_THAT(WaitForHost("no such host", absl::InfiniteDuration(), say, [] { return true; }),
              StatusIs(absl::StatusCode::kCancelled, HasSubstr("interrupted")));
}

}  // namespace
}  // namespace cassle
