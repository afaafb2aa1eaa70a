// Projectors of the authors' code: every file projector_*.safetensors that is there.
#include <ATen/TensorOperators.h>
#include <ATen/ops/sum.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "cassle/base/testing/golden.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/models/networks/conditioning.h"
#include "cassle/models/testing/golden_tensor.h"

namespace cassle {
namespace {

// "conditioner.0.weight" -> "aug_processor.0.weight", "mlp.0.weight" -> "projector.0.weight".
std::string OfficialName(absl::string_view name) {
  for (const auto& [ours, theirs] :
       {std::pair("conditioner.", "aug_processor."), std::pair("mlp.generator.", "projector_hn."),
        std::pair("mlp.norms.", "projector_bns."), std::pair("mlp.", "projector.")}) {
    if (absl::ConsumePrefix(&name, ours)) return absl::StrCat(theirs, name);
  }
  return std::string(name);
}

int Metadata(const SafetensorsFile& golden, const std::string& key) {
  int value = -1;
  EXPECT_TRUE(absl::SimpleAtoi(golden.Metadata(key), &value)) << key;
  return value;
}

v1::ConditioningConfig GoldenConditioning(const SafetensorsFile& golden) {
  v1::ConditioningConfig config;
  config.set_depth(Metadata(golden, "aug_nn_depth"));
  config.set_width(Metadata(golden, "aug_nn_width"));
  const std::string treatment = golden.Metadata("treatment");
  const std::string injection = golden.Metadata("injection");
  if (injection == "proj-none") {
    config.set_treatment(v1::NONE);
  } else if (treatment == "hn") {
    // The injection that the file names is not read by the authors' hypernetwork.
    config.set_treatment(v1::HYPERNETWORK);
    config.set_hypernetwork_norm(golden.Metadata("hn_type") == "mlp-bn");
  } else {
    config.set_treatment(treatment == "raw" ? v1::RAW : v1::MLP);
    config.set_injection(injection == "proj-cat"   ? v1::CONCATENATION
                         : injection == "proj-add" ? v1::ADDITION
                                                   : v1::MULTIPLICATION);
  }
  return config;
}

std::shared_ptr<ConditionedProjector> MakeGolden(const SafetensorsFile& golden) {
  const v1::ConditioningConfig config = GoldenConditioning(golden);
  MlpOptions mlp = {.in = Metadata(golden, "num_backbone_features"),
                    .hidden = Metadata(golden, "proj_hidden_dim"),
                    .out = Metadata(golden, "proj_out_dim"),
                    .depth = Metadata(golden, "proj_depth"),
                    .last_norm = Metadata(golden, "last_bn") == 1,
                    .last_norm_affine = Metadata(golden, "last_bn_affine") == 1};
  if (config.treatment() == v1::HYPERNETWORK) {
    // As the vectors' README says; and the state shows which layers have batch norm.
    mlp.hidden = mlp.in;
    mlp.last_norm =
        golden.Has(absl::StrCat("state.projector_bns.", mlp.depth - 1, ".running_mean"));
  }
  return MakeConditionedProjector(config, GoldenTensor(golden, "desc_cat").size(1), mlp, 1).value();
}

void LoadGoldenState(const SafetensorsFile& golden, Module* module) {
  c10::NoGradGuard no_grad;
  for (const NamedTensor& entry : module->state()) {
    const at::Tensor value = GoldenTensor(golden, "state." + OfficialName(entry.name));
    ASSERT_EQ(entry.tensor.sizes(), value.sizes()) << entry.name;
    entry.tensor.copy_(value);
  }
  int64_t theirs = 0;
  for (const std::string& name : golden.names()) theirs += absl::StartsWith(name, "state.") ? 1 : 0;
  ASSERT_EQ(static_cast<int64_t>(module->state().size()), theirs);
}

double LargestEntry(const at::Tensor& tensor) { return tensor.detach().abs().max().item<double>(); }

class GoldenProjectorTest : public testing::TestWithParam<std::string> {};

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

INSTANTIATE_TEST_SUITE_P(Files, GoldenProjectorTest, testing::ValuesIn(GoldenNames("projector_")),
                         [](const auto& info) {
                           std::string name = info.param;
                           for (char& c : name) c = absl::ascii_isalnum(c) ? c : '_';
                           return name;
                         });

TEST(GoldenProjectorFilesTest, AreThere) { EXPECT_FALSE(GoldenNames("projector_").empty()); }

// MoCo-v2's and SimCLR's projector at full size: those of ResNet-50, told what the README tells.
TEST(ConditionedProjectorTest, NamesShapesAndOrderAreTheOfficialOnes) {
  ASSERT_OK_AND_ASSIGN(const SafetensorsFile golden, OpenGolden("model_shapes.safetensors"));
  const auto shape_of = [&](const std::string& name) {
    const at::Tensor shape = GoldenTensor(golden, name);
    return std::vector<int64_t>(shape.data_ptr<int64_t>(),
                                shape.data_ptr<int64_t>() + shape.numel());
  };
  for (const std::string method : {"projector_moco", "projector_simclr"}) {
    const std::vector<int64_t> first = shape_of(method + "_none/projector.0.weight");
    const std::vector<int64_t> last = shape_of(method + "_none/projector.3.weight");
    const int64_t descriptor_size = shape_of(method + "_cat/aug_processor.0.weight")[1];
    for (const auto& [suffix, treatment] :
         {std::pair("_cat/", v1::MLP), std::pair("_none/", v1::NONE)}) {
      const std::string model = method + suffix;
      SCOPED_TRACE(model);
      v1::ConditioningConfig config;
      config.set_treatment(treatment);
      ASSERT_OK_AND_ASSIGN(
          auto projector,
          MakeConditionedProjector(config, descriptor_size,
                                   {.in = first[1], .hidden = first[0], .out = last[0]}, 1));
      const std::vector<NamedTensor> state = projector->state();
      // The official code registers the projector first; the names are a set here.
      ASSERT_EQ(static_cast<int64_t>(state.size()), GoldenTensor(golden, model + "#order").numel());
      int64_t elements = 0;
      for (const NamedTensor& entry : projector->named_parameters()) {
        elements += entry.tensor.numel();
      }
      EXPECT_EQ(elements, GoldenTensor(golden, model + "#count")[2].item<int64_t>());
      for (const NamedTensor& entry : state) {
        EXPECT_EQ(entry.tensor.sizes().vec(), shape_of(model + OfficialName(entry.name)))
            << entry.name;
      }
    }
  }
}

}  // namespace
}  // namespace cassle
