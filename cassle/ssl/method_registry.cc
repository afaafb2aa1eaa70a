#include "cassle/ssl/method_registry.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cassle/base/status_macros.h"
#include "cassle/ssl/augself.h"
#include "cassle/ssl/barlow_twins.h"
#include "cassle/ssl/byol.h"
#include "cassle/ssl/dino.h"
#include "cassle/ssl/moco_v2.h"
#include "cassle/ssl/moco_v3.h"
#include "cassle/ssl/simclr.h"
#include "cassle/ssl/simsiam.h"
#include "cassle/ssl/supervised.h"
#include "cassle/ssl/swav.h"
#include "cassle/ssl/vicreg.h"

namespace cassle {
namespace {

struct Entry {
  v1::MethodConfig::MethodCase method;
  // As in MethodConfig's oneof.
  const char* name;
  absl::StatusOr<std::unique_ptr<Method>> (*make)(const v1::MethodConfig&, const MethodSetup&);
};

constexpr Entry kMethods[] = {
    {v1::MethodConfig::kMocoV2, "moco_v2", MakeMocoV2},
    {v1::MethodConfig::kSimclr, "simclr", MakeSimclr},
    {v1::MethodConfig::kByol, "byol", MakeByol},
    {v1::MethodConfig::kSimsiam, "simsiam", MakeSimsiam},
    {v1::MethodConfig::kBarlowTwins, "barlow_twins", MakeBarlowTwins},
    {v1::MethodConfig::kMocoV3, "moco_v3", MakeMocoV3},
    {v1::MethodConfig::kVicreg, "vicreg", MakeVicreg},
    {v1::MethodConfig::kSupervised, "supervised", MakeSupervised},
    {v1::MethodConfig::kSwav, "swav", MakeSwav},
    {v1::MethodConfig::kDino, "dino", MakeDino},
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

absl::StatusOr<std::unique_ptr<Method>> MakeMethod(const v1::MethodConfig& config,
                                                   const MethodSetup& setup) {
  for (const Entry& entry : kMethods) {
    if (entry.method != config.method_case()) continue;
    CASSLE_ASSIGN_OR_RETURN(std::unique_ptr<Method> method, entry.make(config, setup));
    return WithAugSelf(setup, std::move(method));
  }
  return absl::InvalidArgumentError(absl::StrCat("no method is chosen: --method=",
                                                 absl::StrJoin(MethodNames(), " or --method=")));
}

}  // namespace cassle
