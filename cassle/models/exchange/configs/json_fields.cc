#include "cassle/models/exchange/configs/json_fields.h"

#include <cmath>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "cassle/base/escaped_name.h"
#include "cassle/base/status_macros.h"

namespace cassle {
namespace {

using nlohmann::json;

constexpr int kMaxImageSize = 16384;

absl::Status Bad(const char* field, const json& value, absl::string_view expected) {
  return absl::DataLossError(
      absl::StrCat(field, " is ", ShownJson(value), ", expected ", expected));
}

}  // namespace

absl::StatusOr<json> ParseJsonObject(absl::string_view text) {
  json object = json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) return absl::DataLossError("it is not a JSON object");
  return object;
}

// dump() recurses, and lists may lie in lists without end.
std::string ShownJson(const json& value) {
  return value.is_structured() ? value.is_array() ? "a list" : "an object"
                               : EscapedName(value.dump());
}

bool HasField(const json& object, const char* field) {
  return object.contains(field) && !object[field].is_null();
}

std::string TextField(const json& object, const char* field) {
  return object.contains(field) && object[field].is_string() ? object[field].get<std::string>()
                                                             : "";
}

absl::Status ReadNumber(const json& object, const char* field, double most, double* number) {
  if (!HasField(object, field)) return absl::OkStatus();
  const json& value = object[field];
  if (!value.is_number() || !(value.get<double>() > 0) || value.get<double>() > most) {
    return Bad(field, value, absl::StrCat("a number from 0 to ", most));
  }
  *number = value.get<double>();
  return absl::OkStatus();
}

absl::Status ReadCount(const json& object, const char* field, int most, int* count) {
  double number = 0;
  CASSLE_RETURN_IF_ERROR(ReadNumber(object, field, most, &number));
  if (number != std::floor(number)) return Bad(field, object[field], "a whole number");
  if (number > 0) *count = static_cast<int>(number);
  return absl::OkStatus();
}

absl::Status ReadSide(const json& object, const char* field, int* side) {
  if (!HasField(object, field)) return absl::OkStatus();
  const json& value = object[field];
  if (value.is_object()) {
    CASSLE_RETURN_IF_ERROR(ReadCount(value, "height", kMaxImageSize, side));
    return ReadCount(value, "shortest_edge", kMaxImageSize, side);
  }
  if (!value.is_array()) return ReadCount(object, field, kMaxImageSize, side);
  if (value.size() != 2 || value[0].is_structured() || value[0] != value[1]) {
    return Bad(field, value, "a side, or two equal ones");
  }
  return ReadCount({{field, value[0]}}, field, kMaxImageSize, side);
}

absl::Status ReadThree(const json& object, const char* field, std::vector<double>* values) {
  if (!HasField(object, field)) return absl::OkStatus();
  std::vector<double> read;
  if (object[field].is_array() && object[field].size() == 3) {
    for (const json& value : object[field]) {
      if (value.is_number()) read.push_back(value.get<double>());
    }
  }
  if (read.size() != 3) {
    return absl::DataLossError(absl::StrCat(field, " is not three numbers"));
  }
  *values = read;
  return absl::OkStatus();
}

}  // namespace cassle
