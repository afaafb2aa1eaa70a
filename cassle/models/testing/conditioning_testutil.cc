#include "cassle/models/testing/conditioning_testutil.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace cassle {

std::vector<ConditioningCase> AllConditioningCases() {
  v1::ConditioningConfig config;
  config.set_treatment(v1::NONE);
  std::vector<ConditioningCase> cases = {{"none", config}};
  for (const v1::Treatment treatment : {v1::RAW, v1::MLP}) {
    for (const v1::Injection injection :
         {v1::CONCATENATION, v1::ADDITION, v1::MULTIPLICATION, v1::IMAGE_CHANNELS}) {
      config.set_treatment(treatment);
      config.set_injection(injection);
      if (treatment == v1::MLP) {
        config.set_depth(2);
        config.set_width(4);
      }
      cases.push_back({absl::AsciiStrToLower(absl::StrCat(v1::Treatment_Name(treatment), "_",
                                                          v1::Injection_Name(injection))),
                       config});
    }
  }
  config.clear_injection();
  config.set_treatment(v1::MLP);
  config.set_predictor(true);
  cases.push_back({"mlp_predictor", config});
  config.set_predictor(false);
  config.set_relative(true);
  cases.push_back({"mlp_relative", config});
  config.set_relative(false);
  config.set_treatment(v1::HYPERNETWORK);
  cases.push_back({"hypernetwork", config});
  config.set_hypernetwork_norm(true);
  cases.push_back({"hypernetwork_norm", config});
  return cases;
}

}  // namespace cassle
