#include "cassle/augment/policy.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cassle/augment/operations.h"
#include "cassle/augment/preset_policies.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/base/text_proto.h"

namespace cassle {
namespace {

constexpr int kMaxSize = 4096;

absl::Status CheckFields(const v1::Policy& policy) {
  if (policy.size() < 1 || policy.size() > kMaxSize) {
    return PolicyError("size", absl::StrCat("is ", policy.size(), ": the side of the view is 1 to ",
                                            kMaxSize, " pixels"));
  }
  for (const Operation& operation : Operations()) {
    if (operation.in_policy(policy)) CASSLE_RETURN_IF_ERROR(operation.check(policy));
  }
  if (policy.mean_size() != 3 || policy.std_size() != 3) {
    return PolicyError("mean, std",
                       absl::StrCat("have ", policy.mean_size(), " and ", policy.std_size(),
                                    " values: give three each (R, G, B, of pixels in [0, 1])"));
  }
  for (int c = 0; c < 3; ++c) {
    if (!std::isfinite(policy.mean(c)) || !(policy.std(c) > 0.0) || !std::isfinite(policy.std(c))) {
      return PolicyError("mean, std",
                         absl::StrCat("of channel ", c, " are ", policy.mean(c), " and ",
                                      policy.std(c), ": the standard deviation must be above 0"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

std::vector<std::string> PresetNames() {
  std::vector<std::string> names;
  for (const PresetPolicy& preset : kPresetPolicies) names.emplace_back(preset.name);
  return names;
}

absl::Status CheckPolicy(const v1::Policy& policy) {
  return Annotate(CheckFields(policy),
                  absl::StrCat("policy ", policy.name().empty() ? "(no name)" : policy.name()));
}

absl::StatusOr<v1::Policy> LoadPolicy(const std::string& name_or_path) {
  v1::Policy policy;
  for (const PresetPolicy& preset : kPresetPolicies) {
    if (name_or_path != preset.name) continue;
    CASSLE_RETURN_IF_ERROR(
        ParseTextProto(preset.text, absl::StrCat("preset ", preset.name), &policy));
    CASSLE_RETURN_IF_ERROR(CheckPolicy(policy));
    return policy;
  }
  const bool is_path =
      name_or_path.find_first_of("/.") != std::string::npos || FileExists(name_or_path);
  if (!is_path) {
    const std::vector<std::string> presets = PresetNames();
    const std::string nearest = NearestWord(name_or_path, presets);
    return absl::InvalidArgumentError(absl::StrCat(
        "there is no policy \"", name_or_path, "\"",
        nearest.empty() ? "" : absl::StrCat("; did you mean \"", nearest, "\"?"), " Presets: ",
        absl::StrJoin(presets, ", "), "; or give the path of a text proto (PATH.textproto)"));
  }
  CASSLE_RETURN_IF_ERROR(ReadTextProto(name_or_path, &policy));
  CASSLE_RETURN_IF_ERROR(Annotate(CheckPolicy(policy), name_or_path));
  return policy;
}

bool SameViews(const v1::Policy& a, const v1::Policy& b) {
  const auto essence = [](v1::Policy policy) {
    policy.clear_name();
    policy.clear_mean();
    policy.clear_std();
    return PrintTextProto(policy);
  };
  return essence(a) == essence(b);
}

}  // namespace cassle
