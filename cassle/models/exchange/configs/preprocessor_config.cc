#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "cassle/base/status_macros.h"
#include "cassle/models/exchange/configs/foreign_config.h"
#include "cassle/models/exchange/configs/json_fields.h"

namespace cassle {
namespace {

using nlohmann::json;

constexpr double kPixels = 255;

absl::StatusOr<bool> ReadFlag(const json& object, const char* field, bool absent) {
  if (!HasField(object, field)) return absent;
  if (!object[field].is_boolean()) {
    return absl::DataLossError(
        absl::StrCat(field, " is ", ShownJson(object[field]), ", expected true or false"));
  }
  return object[field].get<bool>();
}

// Of images whose pixels are multiplied with `factor` before the mean is subtracted.
void Rescale(double factor, ForeignNormalization* normalization) {
  for (std::vector<double>* values : {&normalization->mean, &normalization->std}) {
    for (double& value : *values) value /= kPixels * factor;
  }
}

absl::Status ReadNormalization(const json& object, ForeignNormalization* result) {
  ForeignNormalization said;
  said.by = "preprocessor_config.json";
  CASSLE_RETURN_IF_ERROR(ReadThree(object, "image_mean", &said.mean));
  CASSLE_RETURN_IF_ERROR(ReadThree(object, "image_std", &said.std));
  CASSLE_ASSIGN_OR_RETURN(const bool normalize, ReadFlag(object, "do_normalize", true));
  CASSLE_ASSIGN_OR_RETURN(const bool rescale, ReadFlag(object, "do_rescale", true));
  CASSLE_ASSIGN_OR_RETURN(const bool offset, ReadFlag(object, "rescale_offset", false));
  double factor = 1 / kPixels;
  CASSLE_RETURN_IF_ERROR(ReadNumber(object, "rescale_factor", 1, &factor));
  if (!normalize) {
    said.mean.assign(3, 0);
    said.std.assign(3, 1);
    said.by += " (do_normalize is false)";
  }
  if (!rescale) {
    said.problem = "do_rescale is false, so that its images may have values from 0 to 1 or to 255";
  } else if (offset) {
    said.problem = "rescale_offset is true, which is not known here";
  } else if (std::abs(factor * kPixels - 1) > 1e-6) {
    said.by += absl::StrCat(" (rescale_factor is ", factor, ")");
    Rescale(factor, &said);
  }
  const bool silent = said.mean.empty() && said.std.empty() && said.problem.empty();
  if (!silent) *result = said;
  return absl::OkStatus();
}

}  // namespace

absl::Status AddPreprocessing(absl::string_view text, ForeignConfig* config) {
  CASSLE_ASSIGN_OR_RETURN(const json object, ParseJsonObject(text));
  CASSLE_RETURN_IF_ERROR(ReadNormalization(object, &config->normalization));
  CASSLE_RETURN_IF_ERROR(ReadSide(object, "size", &config->image_size));
  CASSLE_ASSIGN_OR_RETURN(const bool crop, ReadFlag(object, "do_center_crop", true));
  return crop ? ReadSide(object, "crop_size", &config->image_size) : absl::OkStatus();
}

}  // namespace cassle
