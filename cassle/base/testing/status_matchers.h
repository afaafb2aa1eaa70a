// Test assertions on absl::Status and absl::StatusOr.
//
//   ASSERT_OK_AND_ASSIGN(std::string bytes, ReadFile(path));
//   EXPECT_THAT(ReadFile("missing"), StatusIs(absl::StatusCode::kNotFound, HasSubstr("missing")));
#ifndef CASSLE_BASE_TESTING_STATUS_MATCHERS_H_
#define CASSLE_BASE_TESTING_STATUS_MATCHERS_H_

#include <ostream>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cassle/base/status_macros.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {

inline const absl::Status& GetStatus(const absl::Status& status) { return status; }
template <class T>
const absl::Status& GetStatus(const absl::StatusOr<T>& value) {
  return value.status();
}

MATCHER(IsOk, "is OK") {
  *result_listener << GetStatus(arg).ToString();
  return GetStatus(arg).ok();
}

MATCHER_P2(StatusIs, code, message_matcher,
           "has code " + absl::StatusCodeToString(code) + " and a message that " +
               ::testing::DescribeMatcher<std::string>(message_matcher, negation)) {
  const absl::Status& status = GetStatus(arg);
  *result_listener << status.ToString();
  return status.code() == code &&
         ::testing::Matches(message_matcher)(std::string(status.message()));
}

}  // namespace cassle

#define EXPECT_OK(expr) EXPECT_THAT((expr), ::cassle::IsOk())
#define ASSERT_OK(expr) ASSERT_THAT((expr), ::cassle::IsOk())
#define ASSERT_OK_AND_ASSIGN(lhs, expr) \
  ASSERT_OK_AND_ASSIGN_IMPL_(CASSLE_CONCAT_(cassle_status_or_, __LINE__), lhs, expr)
#define ASSERT_OK_AND_ASSIGN_IMPL_(status_or, lhs, expr)        \
  auto status_or = (expr);                                      \
  ASSERT_TRUE(status_or.ok()) << status_or.status().ToString(); \
  lhs = std::move(status_or).value()

#endif  // CASSLE_BASE_TESTING_STATUS_MATCHERS_H_
