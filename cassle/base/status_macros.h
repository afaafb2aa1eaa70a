// Early returns for absl::Status, which Abseil 20220623 (Debian 12) does not have itself.
//
//   CASSLE_RETURN_IF_ERROR(WriteFile(path, bytes));
//   CASSLE_ASSIGN_OR_RETURN(std::string bytes, ReadFile(path));
#ifndef CASSLE_BASE_STATUS_MACROS_H_
#define CASSLE_BASE_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace cassle {

// The same code with "context: " before the message; OK stays OK.
inline absl::Status Annotate(const absl::Status& status, absl::string_view context) {
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat(context, ": ", status.message()));
}

}  // namespace cassle

#define CASSLE_CONCAT_INNER_(a, b) a##b
#define CASSLE_CONCAT_(a, b) CASSLE_CONCAT_INNER_(a, b)

#define CASSLE_RETURN_IF_ERROR(expr)                 \
  do {                                               \
    absl::Status cassle_status_ = (expr);            \
    if (!cassle_status_.ok()) return cassle_status_; \
  } while (false)

#define CASSLE_ASSIGN_OR_RETURN(lhs, expr) \
  CASSLE_ASSIGN_OR_RETURN_IMPL_(CASSLE_CONCAT_(cassle_status_or_, __LINE__), lhs, expr)

#define CASSLE_ASSIGN_OR_RETURN_IMPL_(status_or, lhs, expr) \
  auto status_or = (expr);                                  \
  if (!status_or.ok()) return status_or.status();           \
  lhs = std::move(status_or).value()

#endif  // CASSLE_BASE_STATUS_MACROS_H_
