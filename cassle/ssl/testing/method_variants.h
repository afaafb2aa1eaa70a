// Every method with every conditioning, with AugSelf, EquiMod and small crops, in sizes of tests.
#ifndef CASSLE_SSL_TESTING_METHOD_VARIANTS_H_
#define CASSLE_SSL_TESTING_METHOD_VARIANTS_H_

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "cassle/base/testing/status_matchers.h"
#include "cassle/models/testing/conditioning_testutil.h"
#include "cassle/ssl/methods/method_registry.h"
#include "cassle/ssl/optimizers/make_optimizer.h"
#include "cassle/ssl/testing/tiny_backbone.h"
#include "gtest/gtest.h"

namespace cassle {

struct Variant {
  std::string method;
  ConditioningCase conditioning;
  bool augself = false;
  // Two large views and two small ones.
  bool multi_crop = false;
  bool equimod = false;

  int views() const { return multi_crop ? 4 : 2; }
};

inline void PrintTo(const Variant& variant, std::ostream* out) {
  *out << variant.method << "_" << variant.conditioning.name << (variant.augself ? "_augself" : "")
       << (variant.equimod ? "_equimod" : "") << (variant.multi_crop ? "_multicrop" : "");
}

inline v1::MethodConfig TinyConfig(const std::string& method) {
  v1::MethodConfig config;
  const auto* field = config.GetDescriptor()->FindFieldByName(method);
  google::protobuf::Message* settings = config.GetReflection()->MutableMessage(&config, field);
  // The methods' own sizes are for large backbones: they would take minutes and gigabytes. What
  // waits for later steps is there from the first.
  for (const auto& [name, value] :
       {std::pair("hidden_size", 16), std::pair("projection_size", 16),
        std::pair("predictor_hidden_size", 16), std::pair("num_prototypes", 16),
        std::pair("num_outputs", 16), std::pair("freeze_prototypes_steps", 0),
        std::pair("freeze_last_layer_epochs", 0),
        std::pair("queue_size", static_cast<int>(4 * kBatch)), std::pair("queue_start_epoch", 0)}) {
    const auto* setting = settings->GetDescriptor()->FindFieldByName(name);
    if (setting != nullptr) settings->GetReflection()->SetInt32(settings, setting, value);
  }
  return config;
}

// `change` has the last word on the setup.
inline std::unique_ptr<Method> MakeVariant(const Variant& variant, uint64_t seed,
                                           Precision precision = Precision::kFloat32,
                                           const std::function<void(MethodSetup*)>& change = {}) {
  MethodSetup setup = TinySetup(kBatch, kDescriptor, seed, variant.conditioning.config);
  setup.precision = precision;
  setup.num_views = variant.views();
  if (variant.augself) {
    v1::AugSelfConfig& augself = setup.augself;
    augself.set_hidden_size(16);
    for (const char* target : {"blur", "color", "crop", "flip", "rotation", "solarize"}) {
      const auto* weight = augself.GetDescriptor()->FindFieldByName(target);
      augself.GetReflection()->SetDouble(&augself, weight, 0.5);
    }
  }
  if (variant.equimod) {
    setup.equimod.set_weight(0.5);
    setup.equimod.set_projection_size(8);
    setup.equimod.set_hidden_size(16);
    setup.equimod.set_parameter_size(8);
    // Not all that the views are described by.
    for (const char* group : {"color", "crop", "flip"}) setup.equimod.add_groups(group);
  }
  if (change) change(&setup);
  absl::StatusOr<std::unique_ptr<Method>> method = MakeMethod(TinyConfig(variant.method), setup);
  EXPECT_OK(method);
  return *std::move(method);
}

// The method's own.
inline v1::OptimizerKind OptimizerKindOf(const Variant& variant) {
  return MethodRecipe(TinyConfig(variant.method), /*official=*/false).optimizer;
}

// One of the Adams, whose steps are as long as their rate.
inline bool StepsByAdam(const Variant& variant) {
  const v1::OptimizerKind kind = OptimizerKindOf(variant);
  return kind == v1::ADAM || kind == v1::ADAMW;
}

// With the method's own kind of optimiser and groups.
inline std::unique_ptr<Optimizer> OptimizerOf(const Variant& variant, const Method& method) {
  v1::TrainingConfig training;
  training.set_optimizer(OptimizerKindOf(variant));
  training.set_momentum(0.9);
  training.set_weight_decay(5e-4);
  return MakeOptimizer(training, method.parameter_groups());
}

// The covariances of VICReg and SIE are of fourth order in the projections, which a hypernetwork
// makes large: without a limit training diverges (docs/methods.md).
inline bool NeedsClipping(const Variant& variant) {
  return (variant.method == "vicreg" || variant.method == "sie") &&
         variant.conditioning.config.treatment() == v1::HYPERNETWORK;
}

inline std::vector<Variant> AllVariants() {
  std::vector<Variant> variants;
  for (const std::string& method : MethodNames()) {
    MethodSetup setup = TinySetup(kBatch, kDescriptor);
    setup.num_views = 4;
    const auto made = MakeMethod(TinyConfig(method), setup);
    const bool takes_all_views = made.ok() && (*made)->num_views() == setup.num_views;
    for (const ConditioningCase& conditioning : AllConditioningCases()) {
      variants.push_back({method, conditioning});
      if (takes_all_views && !conditioning.config.relative()) {
        variants.push_back({method, conditioning, /*augself=*/false, /*multi_crop=*/true});
      }
      // AugSelf alone and together with CASSLE.
      variants.push_back({method, conditioning, /*augself=*/true});
    }
    // What EquiMod adds knows of no conditioning: plain, conditioned, and beside AugSelf.
    const std::vector<ConditioningCase> cases = AllConditioningCases();
    for (const ConditioningCase& conditioning : {cases[0], cases[1]}) {
      variants.push_back({method, conditioning, false, false, /*equimod=*/true});
    }
    variants.push_back({method, cases[1], /*augself=*/true, false, /*equimod=*/true});
  }
  return variants;
}

}  // namespace cassle

#endif  // CASSLE_SSL_TESTING_METHOD_VARIANTS_H_
