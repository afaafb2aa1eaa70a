#include "cassle/models/conditioning.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/sum.h>
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "cassle/base/golden.h"
#include "cassle/base/status_matchers.h"
#include "cassle/models/golden_model.h"
#include "cassle/models/golden_tensor.h"

namespace cassle {
namespace {

using ::testing::HasSubstr;

// "conditioner.0.weight" -> "aug_processor.0.weight", "mlp.0.weight" -> "projector.0.weight".
std::string OfficialName(absl::string_view name) {
  if (absl::ConsumePrefix(&name, "conditioner.")) return absl::StrCat("aug_processor.", name);
  absl::ConsumePrefix(&name, "mlp.");
  return absl::StrCat("projector.", name);
}

int Metadata(const SafetensorsFile& golden, const std::string& key) {
  int value = -1;
  EXPECT_TRUE(absl::SimpleAtoi(golden.Metadata(key), &value)) << key;
  return value;
}

std::shared_ptr<ConditionedProjector> MakeGolden(const SafetensorsFile& golden) {
  v1::ConditioningConfig config;
  config.set_treatment(golden.Metadata("injection") == "proj-none" ? v1::NONE : v1::MLP);
  config.set_depth(Metadata(golden, "aug_nn_depth"));
  config.set_width(Metadata(golden, "aug_nn_width"));
  const MlpOptions mlp = {.in = Metadata(golden, "num_backbone_features"),
                          .hidden = Metadata(golden, "proj_hidden_dim"),
                          .out = Metadata(golden, "proj_out_dim"),
                          .depth = Metadata(golden, "proj_depth"),
                          .last_norm = Metadata(golden, "last_bn") == 1,
                          .last_norm_affine = Metadata(golden, "last_bn_affine") == 1};
  return MakeConditionedProjector(config, GoldenTensor(golden, "desc_cat").size(1), mlp, 1).value();
}

void LoadGoldenState(const SafetensorsFile& golden, Module* module) {
  c10::NoGradGuard no_grad;
  for (const NamedTensor& entry : module->state()) {
    const at::Tensor value = GoldenTensor(golden, "state." + OfficialName(entry.name));
    ASSERT_EQ(entry.tensor.sizes(), value.sizes()) << entry.name;
    entry.tensor.copy_(value);
  }
}

double LargestEntry(const at::Tensor& tensor) { return tensor.detach().abs().max().item<double>(); }

class GoldenProjectorTest : public testing::TestWithParam<const char*> {};

// The golden README: values within 1e-5 relative, gradients within 1e-4 of the tensor's largest
// entry.
TEST_P(GoldenProjectorTest, ValuesGradientsAndBuffersEqualTheOfficialCode) {
  ASSERT_OK_AND_ASSIGN(const SafetensorsFile golden,
                       OpenGolden(absl::StrCat("projector_", GetParam(), ".safetensors")));
  const bool last_norm = Metadata(golden, "last_bn") == 1;
  for (const std::string mode : {"train", "eval"}) {
    for (const std::string loss : {"sq", "ct"}) {
      SCOPED_TRACE(mode + " " + loss);
      std::shared_ptr<ConditionedProjector> projector = MakeGolden(golden);
      LoadGoldenState(golden, projector.get());
      projector->train(mode == "train");
      at::Tensor features = GoldenTensor(golden, "x");
      at::Tensor descriptor = GoldenTensor(golden, "desc_cat");
      features.set_requires_grad(true);
      descriptor.set_requires_grad(true);

      const at::Tensor y = projector->forward(features, descriptor);
      EXPECT_LT(RelativeDifference(y, GoldenTensor(golden, mode + ".y")), 1e-5);
      for (const NamedTensor& buffer : projector->named_buffers()) {
        if (mode == "eval") continue;
        EXPECT_LT(
            RelativeDifference(buffer.tensor,
                               GoldenTensor(golden, "train.after." + OfficialName(buffer.name))),
            1e-5)
            << buffer.name;
      }

      at::sum(loss == "sq" ? y * y : y * GoldenTensor(golden, "cotangent")).backward();
      // After a last batch norm in training mode sum(y^2) is constant: its gradients are rounding
      // only.
      if (last_norm && loss == "sq" && mode == "train") continue;
      const std::string prefix = mode + "." + loss + ".grad.";
      EXPECT_LT(RelativeDifference(features.grad(), GoldenTensor(golden, prefix + "x")), 1e-4);
      EXPECT_EQ(descriptor.grad().defined(), golden.Has(prefix + "desc_cat"));
      if (descriptor.grad().defined()) {
        EXPECT_LT(RelativeDifference(descriptor.grad(), GoldenTensor(golden, prefix + "desc_cat")),
                  1e-4);
      }
      if (mode == "eval") continue;
      // The conditioner's last bias shifts every row alike, which the projector's batch norm takes
      // out again: its gradient is zero but for rounding. So a tensor is judged by its own largest
      // entry or by a hundredth of the largest of all, whichever is larger.
      double largest = 0;
      for (const NamedTensor& entry : projector->named_parameters()) {
        largest = std::max(largest, LargestEntry(entry.tensor.grad()));
      }
      for (const NamedTensor& entry : projector->named_parameters()) {
        const std::string name = prefix + OfficialName(entry.name);
        const at::Tensor expected = GoldenTensor(golden, name);
        ASSERT_EQ(entry.tensor.sizes(), expected.sizes()) << name;
        EXPECT_LT(LargestEntry(entry.tensor.grad() - expected),
                  1e-4 * std::max(LargestEntry(expected), 0.01 * largest))
            << name;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Files, GoldenProjectorTest,
                         testing::Values("mlp_cat_d2_all", "mlp_cat_d6_all", "mlp_cat_d2_subset",
                                         "mlp_cat_d6_readme", "mlp_cat_d2_simsiam",
                                         "mlp_cat_d2_barlow", "mlp_none_d2_all", "mlp_none_d6_all",
                                         "mlp_none_d2_subset"),
                         [](const auto& info) { return info.param; });

// MoCo-v2's and SimCLR's projector at full size: 2048 features, the README's 13 descriptor values.
TEST(ConditionedProjectorTest, NamesShapesAndOrderAreTheOfficialOnes) {
  ASSERT_OK_AND_ASSIGN(const SafetensorsFile golden, OpenGolden("model_shapes.safetensors"));
  for (const auto& [model, treatment] :
       {std::pair("projector_moco_cat", v1::MLP), std::pair("projector_moco_none", v1::NONE),
        std::pair("projector_simclr_cat", v1::MLP), std::pair("projector_simclr_none", v1::NONE)}) {
    SCOPED_TRACE(model);
    v1::ConditioningConfig config;
    config.set_treatment(treatment);
    ASSERT_OK_AND_ASSIGN(
        auto projector,
        MakeConditionedProjector(config, 13, {.in = 2048, .hidden = 2048, .out = 128}, 1));
    const std::vector<NamedTensor> state = projector->state();
    // The official code registers the projector first; the names are a set here.
    ASSERT_EQ(static_cast<int64_t>(state.size()),
              GoldenTensor(golden, std::string(model) + "/#order").numel());
    int64_t elements = 0;
    for (const NamedTensor& entry : projector->named_parameters()) elements += entry.tensor.numel();
    EXPECT_EQ(elements, GoldenTensor(golden, std::string(model) + "/#count")[2].item<int64_t>());
    for (const NamedTensor& entry : state) {
      const at::Tensor shape = GoldenTensor(golden, model + ("/" + OfficialName(entry.name)));
      EXPECT_EQ(entry.tensor.sizes().vec(),
                std::vector<int64_t>(shape.data_ptr<int64_t>(),
                                     shape.data_ptr<int64_t>() + shape.numel()))
          << entry.name;
    }
  }
}

TEST(ConditionedProjectorTest, WithoutConditioningTheDescriptorIsIgnored) {
  ASSERT_OK_AND_ASSIGN(auto projector,
                       MakeConditionedProjector({}, 14, {.in = 8, .hidden = 8, .out = 4}, 1));
  projector->eval();
  const at::Tensor features = at::ones({3, 8});
  EXPECT_TRUE(at::equal(projector->forward(features, at::Tensor()),
                        projector->forward(features, at::ones({3, 14}))));
}

TEST(ConditionedProjectorTest, DepthOneIsOneLinearLayerOnTheDescriptor) {
  v1::ConditioningConfig config;
  config.set_treatment(v1::MLP);
  config.set_depth(1);
  config.set_width(5);
  ASSERT_OK_AND_ASSIGN(auto projector,
                       MakeConditionedProjector(config, 14, {.in = 8, .hidden = 8, .out = 4}, 1));
  EXPECT_EQ(projector->named_parameters()[0].tensor.sizes().vec(), (std::vector<int64_t>{5, 14}));
  EXPECT_EQ(projector->forward(at::ones({3, 8}), at::ones({3, 14})).sizes().vec(),
            (std::vector<int64_t>{3, 4}));
}

TEST(ConditionedProjectorTest, ADescriptorThatDoesNotFitThrows) {
  v1::ConditioningConfig config;
  config.set_treatment(v1::MLP);
  ASSERT_OK_AND_ASSIGN(auto projector,
                       MakeConditionedProjector(config, 14, {.in = 8, .hidden = 8, .out = 4}, 1));
  EXPECT_THROW(projector->forward(at::ones({3, 8}), at::Tensor()), c10::Error);
  EXPECT_THROW(projector->forward(at::ones({3, 8}), at::ones({2, 14})), c10::Error);
  EXPECT_THROW(projector->forward(at::ones({3, 8}), at::ones({3, 13})), c10::Error);
}

TEST(ConditioningConfigTest, DefaultsAreTheAuthorsAndRangesAreChecked) {
  ASSERT_OK_AND_ASSIGN(const v1::ConditioningConfig resolved, ResolveConditioning({}));
  EXPECT_EQ(resolved.treatment(), v1::NONE);
  EXPECT_EQ(resolved.depth(), 6);
  EXPECT_EQ(resolved.width(), 64);

  v1::ConditioningConfig config;
  config.set_treatment(v1::MLP);
  EXPECT_THAT(MakeConditionedProjector(config, 0, {.in = 8, .hidden = 8, .out = 4}, 1),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("descriptor groups")));
  config.set_depth(-1);
  EXPECT_THAT(ResolveConditioning(config),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("conditioning.depth: -1")));
  config.set_depth(2);
  config.set_width(1 << 20);
  EXPECT_THAT(ResolveConditioning(config),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("conditioning.width")));
}

}  // namespace
}  // namespace cassle
