#include "cassle/augment/operations/operation.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace cassle {

bool IsColor(const google::protobuf::RepeatedField<float>& values) {
  return values.size() == 3 && std::all_of(values.begin(), values.end(), [](float value) {
           return value >= 0.0f && value <= 1.0f;
         });
}

absl::Status PolicyError(absl::string_view field, absl::string_view problem_and_remedy) {
  return absl::InvalidArgumentError(absl::StrCat(field, " ", problem_and_remedy));
}

absl::Status CheckProbability(absl::string_view field, double value) {
  if (value >= 0.0 && value <= 1.0) return absl::OkStatus();
  return PolicyError(field, absl::StrCat("is ", value, ": a probability lies between 0 and 1"));
}

absl::Status CheckRange(absl::string_view message, absl::string_view field, double min, double max,
                        double low, double high) {
  if (low <= min && min <= max && max <= high) return absl::OkStatus();
  return PolicyError(
      absl::StrCat(message, ".", field, "_min, ", message, ".", field, "_max"),
      absl::StrCat("are ", min, " and ", max, ": give ", low, " <= min <= max <= ", high));
}

}  // namespace cassle
