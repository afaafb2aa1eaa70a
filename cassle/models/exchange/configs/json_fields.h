// Fields of the JSON that other programs write: each is read, or refused in a line that names it.
#ifndef CASSLE_MODELS_EXCHANGE_CONFIGS_JSON_FIELDS_H_
#define CASSLE_MODELS_EXCHANGE_CONFIGS_JSON_FIELDS_H_

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace cassle {

// \error DataLoss if it is none.
absl::StatusOr<nlohmann::json> ParseJsonObject(absl::string_view text);

// A value in a message: on one line, and never more than the name of a list or an object.
std::string ShownJson(const nlohmann::json& value);

// Whether the field is there and not null.
bool HasField(const nlohmann::json& object, const char* field);
// Empty if it is absent or no text.
std::string TextField(const nlohmann::json& object, const char* field);

// The others leave the value as it is where the field is absent or null.
// \error DataLoss if it is no number above 0 and up to `most`.
absl::Status ReadNumber(const nlohmann::json& object, const char* field, double most,
                        double* number);
// \error DataLoss if it is no whole number from 1 to `most`.
absl::Status ReadCount(const nlohmann::json& object, const char* field, int most, int* count);
// A side of images: n, [n, n], {"height": n, "width": n} or {"shortest_edge": n}.
absl::Status ReadSide(const nlohmann::json& object, const char* field, int* side);
// \error DataLoss if it is no list of three numbers.
absl::Status ReadThree(const nlohmann::json& object, const char* field,
                       std::vector<double>* values);

}  // namespace cassle

#endif  // CASSLE_MODELS_EXCHANGE_CONFIGS_JSON_FIELDS_H_
