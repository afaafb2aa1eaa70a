#include "cassle/ssl/methods/method_registry.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cassle/base/status_macros.h"
#include "cassle/ssl/method/augself.h"
#include "cassle/ssl/method/equimod.h"
#include "cassle/ssl/method/relative_conditioning.h"
#include "cassle/ssl/methods/barlow_twins.h"
#include "cassle/ssl/methods/byol.h"
#include "cassle/ssl/methods/dino.h"
#include "cassle/ssl/methods/lejepa.h"
#include "cassle/ssl/methods/moco_v2.h"
#include "cassle/ssl/methods/moco_v3.h"
#include "cassle/ssl/methods/nnclr.h"
#include "cassle/ssl/methods/sie.h"
#include "cassle/ssl/methods/simclr.h"
#include "cassle/ssl/methods/simsiam.h"
#include "cassle/ssl/methods/supervised.h"
#include "cassle/ssl/methods/swav.h"
#include "cassle/ssl/methods/vicreg.h"
#include "cassle/stage/options.h"

namespace cassle {
namespace {

using GroupNames = google::protobuf::RepeatedPtrField<std::string>;

struct Entry {
  v1::MethodConfig::MethodCase method;
  // As in MethodConfig's oneof.
  const char* name;
  absl::StatusOr<std::unique_ptr<Method>> (*make)(const v1::MethodConfig&, const MethodSetup&);
  Recipe (*recipe)(bool official);
  // MutableRelativeGroups; null: the method does not read View.relative.
  GroupNames* (*groups)(v1::MethodConfig*) = nullptr;
};

// That of methods which say nothing of it: SGD as it is.
Recipe PlainRecipe(bool) { return {}; }

GroupNames* SieGroups(v1::MethodConfig* config) { return config->mutable_sie()->mutable_groups(); }

constexpr Entry kMethods[] = {
    {v1::MethodConfig::kMocoV2, "moco_v2", MakeMocoV2, PlainRecipe},
    {v1::MethodConfig::kSimclr, "simclr", MakeSimclr, PlainRecipe},
    {v1::MethodConfig::kByol, "byol", MakeByol, PlainRecipe},
    {v1::MethodConfig::kSimsiam, "simsiam", MakeSimsiam, PlainRecipe},
    {v1::MethodConfig::kBarlowTwins, "barlow_twins", MakeBarlowTwins, BarlowTwinsRecipe},
    {v1::MethodConfig::kMocoV3, "moco_v3", MakeMocoV3, MocoV3Recipe},
    {v1::MethodConfig::kVicreg, "vicreg", MakeVicreg, VicregRecipe},
    {v1::MethodConfig::kSupervised, "supervised", MakeSupervised, PlainRecipe},
    {v1::MethodConfig::kSwav, "swav", MakeSwav, SwavRecipe},
    {v1::MethodConfig::kDino, "dino", MakeDino, DinoRecipe},
    {v1::MethodConfig::kNnclr, "nnclr", MakeNnclr, NnclrRecipe},
    {v1::MethodConfig::kLejepa, "lejepa", MakeLejepa, LejepaRecipe},
    {v1::MethodConfig::kSie, "sie", MakeSie, SieRecipe, SieGroups},
};

}  // namespace

std::vector<std::string> MethodNames() {
  std::vector<std::string> names;
  for (const Entry& entry : kMethods) names.push_back(entry.name);
  return names;
}

std::string MethodName(const v1::MethodConfig& config) {
  for (const Entry& entry : kMethods) {
    if (entry.method == config.method_case()) return entry.name;
  }
  return "";
}

Recipe MethodRecipe(const v1::MethodConfig& config, bool official) {
  for (const Entry& entry : kMethods) {
    if (entry.method == config.method_case()) return entry.recipe(official);
  }
  return {};
}

GroupNames* MutableRelativeGroups(v1::MethodConfig* config) {
  for (const Entry& entry : kMethods) {
    if (entry.method != config->method_case()) continue;
    return entry.groups == nullptr ? nullptr : entry.groups(config);
  }
  return nullptr;
}

absl::StatusOr<std::unique_ptr<Method>> MakeMethod(const v1::MethodConfig& config,
                                                   const MethodSetup& setup) {
  v1::MethodConfig settings = config;
  CASSLE_RETURN_IF_ERROR(ApplyDefaults(&settings));
  CASSLE_RETURN_IF_ERROR(CheckRanges(settings, "method."));
  MethodSetup resolved = setup;
  CASSLE_RETURN_IF_ERROR(ApplyDefaults(&resolved.augself));
  CASSLE_RETURN_IF_ERROR(CheckRanges(resolved.augself, "augself."));
  CASSLE_RETURN_IF_ERROR(ApplyDefaults(&resolved.equimod));
  CASSLE_RETURN_IF_ERROR(CheckRanges(resolved.equimod, "equimod."));
  for (const Entry& entry : kMethods) {
    if (entry.method != settings.method_case()) continue;
    CASSLE_ASSIGN_OR_RETURN(std::unique_ptr<Method> method, entry.make(settings, resolved));
    CASSLE_ASSIGN_OR_RETURN(method, WithRelativeConditioning(resolved, std::move(method)));
    CASSLE_ASSIGN_OR_RETURN(method, WithAugSelf(resolved, std::move(method)));
    return WithEquiMod(resolved, std::move(method));
  }
  return absl::InvalidArgumentError(absl::StrCat("no method is chosen: --method=",
                                                 absl::StrJoin(MethodNames(), " or --method=")));
}

}  // namespace cassle
