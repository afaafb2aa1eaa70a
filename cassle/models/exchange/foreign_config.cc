#include "cassle/models/exchange/foreign_config.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "cassle/base/escaped_name.h"
#include "cassle/base/status_macros.h"

namespace cassle {
namespace {

using nlohmann::json;

// Transformers' names of networks that are ours; timm's begin with these.
constexpr const char* kTransformers[] = {"vit",  "vit_mae", "vit_msn",
                                         "deit", "dinov2",  "dinov2_with_registers"};
constexpr const char* kTimmTransformers[] = {"vit_", "deit"};
constexpr char kResNet[] = "resnet";

constexpr int kMaxHeads = 1 << 12;
constexpr int kMaxImageSize = 16384;

// Settings that change what is computed and not one tensor; absent is what we have.
struct Requirement {
  // Of vision transformers, or of residual networks.
  bool transformer;
  const char* field;
  const char* ours;
};
constexpr Requirement kRequirements[] = {
    {true, "hidden_act", "\"gelu\""},
    {true, "use_swiglu_ffn", "false"},
    {true, "global_pool", "\"token\""},
    {false, "hidden_act", "\"relu\""},
    {false, "downsample_in_bottleneck", "false"},
    {false, "downsample_in_first_stage", "false"},
};

absl::StatusOr<json> ParseObject(absl::string_view text) {
  json object = json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) return absl::DataLossError("it is not a JSON object");
  return object;
}

// A value in a message. dump() recurses, and lists may lie in lists without end.
std::string Shown(const json& value) {
  return value.is_structured() ? value.is_array() ? "a list" : "an object"
                               : EscapedName(value.dump());
}

absl::Status ReadNumber(const json& object, const char* field, double most, double* number) {
  if (!object.contains(field) || object[field].is_null()) return absl::OkStatus();
  if (!object[field].is_number() || !(object[field].get<double>() > 0) ||
      object[field].get<double>() > most) {
    return absl::DataLossError(
        absl::StrCat(field, " is ", Shown(object[field]), ", expected a number from 0 to ", most));
  }
  *number = object[field].get<double>();
  return absl::OkStatus();
}

// A side of images: a number, or {"height": n, "width": n}, or {"shortest_edge": n}.
absl::Status ReadSide(const json& object, const char* field, int* side) {
  if (!object.contains(field)) return absl::OkStatus();
  const json& value = object[field];
  double number = 0;
  if (value.is_object()) {
    CASSLE_RETURN_IF_ERROR(ReadNumber(value, "height", kMaxImageSize, &number));
    CASSLE_RETURN_IF_ERROR(ReadNumber(value, "shortest_edge", kMaxImageSize, &number));
  } else {
    CASSLE_RETURN_IF_ERROR(ReadNumber(object, field, kMaxImageSize, &number));
  }
  if (number > 0) *side = static_cast<int>(number);
  return absl::OkStatus();
}

absl::Status ReadThree(const json& object, const char* field, std::vector<double>* values) {
  if (!object.contains(field)) return absl::OkStatus();
  std::vector<double> read;
  if (object[field].is_array()) {
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

std::string TextOf(const json& object, const char* field) {
  return object.contains(field) && object[field].is_string() ? object[field].get<std::string>()
                                                             : "";
}

// Fills in model and transformer; leaves them empty for networks that are not ours.
void Identify(const json& config, ForeignConfig* result) {
  const std::string type = TextOf(config, "model_type"), timm = TextOf(config, "architecture");
  for (const char* name : kTransformers) {
    if (type == name) result->transformer = true;
  }
  for (const char* beginning : kTimmTransformers) {
    if (absl::StartsWith(timm, beginning)) result->transformer = true;
  }
  if (result->transformer || type == kResNet || absl::StartsWith(timm, kResNet)) {
    result->model = EscapedName(timm.empty() ? type : timm);
  }
}

}  // namespace

absl::StatusOr<ForeignConfig> ParseForeignConfig(absl::string_view text) {
  CASSLE_ASSIGN_OR_RETURN(const json config, ParseObject(text));
  ForeignConfig result;
  Identify(config, &result);
  if (result.model.empty()) return result;
  for (const Requirement& required : kRequirements) {
    if (required.transformer != result.transformer || !config.contains(required.field)) continue;
    const std::string value = Shown(config[required.field]);
    if (value != required.ours && value != "\"\"" && value != "null") {
      return absl::DataLossError(absl::StrCat(required.field, " is ", value,
                                              ", and the networks here have ", required.ours,
                                              ": the same weights would give other features"));
    }
  }
  double heads = 0;
  CASSLE_RETURN_IF_ERROR(ReadNumber(config, "num_attention_heads", kMaxHeads, &heads));
  result.heads = static_cast<int>(heads);
  CASSLE_RETURN_IF_ERROR(ReadNumber(config, "layer_norm_eps", 1, &result.norm_eps));
  CASSLE_RETURN_IF_ERROR(ReadSide(config, "image_size", &result.image_size));
  if (config.contains("pretrained_cfg") && config["pretrained_cfg"].is_object()) {
    const json& timm = config["pretrained_cfg"];
    CASSLE_RETURN_IF_ERROR(ReadThree(timm, "mean", &result.mean));
    CASSLE_RETURN_IF_ERROR(ReadThree(timm, "std", &result.std));
    std::vector<double> size;
    CASSLE_RETURN_IF_ERROR(ReadThree(timm, "input_size", &size));
    if (!size.empty() && size[1] >= 1 && size[1] <= kMaxImageSize) {
      result.image_size = static_cast<int>(size[1]);
    }
  }
  return result;
}

absl::Status AddPreprocessing(absl::string_view text, ForeignConfig* config) {
  CASSLE_ASSIGN_OR_RETURN(const json object, ParseObject(text));
  CASSLE_RETURN_IF_ERROR(ReadThree(object, "image_mean", &config->mean));
  CASSLE_RETURN_IF_ERROR(ReadThree(object, "image_std", &config->std));
  CASSLE_RETURN_IF_ERROR(ReadSide(object, "size", &config->image_size));
  return ReadSide(object, "crop_size", &config->image_size);
}

}  // namespace cassle
