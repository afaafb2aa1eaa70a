// Ranges of methods' settings, with one wording for all methods.
#ifndef CASSLE_SSL_SETTING_CHECKS_H_
#define CASSLE_SSL_SETTING_CHECKS_H_

#include "absl/status/status.h"

namespace cassle {

// \error kInvalidArgument naming method.METHOD.SETTING and its value. NaN is out of every range.
absl::Status CheckAboveZero(const char* method, const char* setting, double value);
absl::Status CheckNotNegative(const char* method, const char* setting, double value);
absl::Status CheckAtLeast(const char* method, const char* setting, double value, double least);

}  // namespace cassle

#endif  // CASSLE_SSL_SETTING_CHECKS_H_
