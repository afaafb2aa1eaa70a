// Projectors of the authors' code: every file projector_*.safetensors that is there.
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/sum.h>
#include <c10/core/GradMode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "cassle/base/testing/golden.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/models/networks/conditioning.h"
#include "cassle/models/testing/golden_model.h"
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

// The file's projector and inputs, which collect gradients.
struct GoldenRun {
  GoldenRun(const SafetensorsFile& golden, at::ScalarType type, bool training)
      : projector(MakeGolden(golden)),
        features(GoldenTensor(golden, "x").to(type).requires_grad_()),
        descriptor(GoldenTensor(golden, "desc_cat").to(type).requires_grad_()) {
    LoadGoldenState(golden, projector.get());
    projector->ToDtype(type);
    projector->train(training);
  }

  std::shared_ptr<ConditionedProjector> projector;
  at::Tensor features;
  at::Tensor descriptor;
};

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
      const auto [projector, features, descriptor] =
          GoldenRun(golden, at::kFloat, /*training=*/mode == "train");
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

// In float64 rounding hides nothing: every mode, loss and gradient of the file again.
TEST_P(GoldenProjectorTest, Float64EqualsTheOfficialCodesFloat64) {
  ASSERT_OK_AND_ASSIGN(const SafetensorsFile golden,
                       OpenGolden(absl::StrCat("projector_", GetParam(), ".safetensors")));
  const bool last_norm = Metadata(golden, "last_bn") == 1;
  for (const std::string mode : {"train", "eval"}) {
    for (const std::string loss : {"sq", "ct"}) {
      SCOPED_TRACE(mode + " " + loss);
      const auto [projector, features, descriptor] =
          GoldenRun(golden, at::kDouble, /*training=*/mode == "train");
      const at::Tensor y = projector->forward(features, descriptor);
      // Batch norm over a few rows costs up to five of the 16 digits, backwards twice.
      EXPECT_LT(RelativeDifference(y, GoldenTensor(golden, mode + ".y.f64")), 1e-11);
      at::sum(loss == "sq" ? y * y : y * GoldenTensor(golden, "cotangent")).backward();
      const std::string prefix = mode + "." + loss + ".grad.";
      const auto expect = [&](const std::string& name, const at::Tensor& gradient) {
        const at::Tensor expected = GoldenTensor(golden, name);
        // See above: a sum that a last batch norm holds constant.
        if (last_norm && loss == "sq" && mode == "train") {
          EXPECT_LT(LargestEntry(gradient - expected), 1e-4 * LargestEntry(y)) << name;
        } else {
          EXPECT_LT(RelativeDifference(gradient, expected), 1e-8) << name;
        }
      };
      expect(prefix + "x.f64", features.grad());
      if (golden.Has(prefix + "desc_cat.f64")) {
        expect(prefix + "desc_cat.f64", descriptor.grad());
      }
    }
  }
}

// The rows that the projector gets are the groups side by side, in alphabetical order.
TEST_P(GoldenProjectorTest, DescriptorsStandInAlphabeticalOrder) {
  ASSERT_OK_AND_ASSIGN(const SafetensorsFile golden,
                       OpenGolden(absl::StrCat("projector_", GetParam(), ".safetensors")));
  std::vector<std::string> groups = absl::StrSplit(golden.Metadata("aug_cond"), ',');
  std::sort(groups.begin(), groups.end());
  EXPECT_EQ(absl::StrJoin(groups, ","), golden.Metadata("sorted_aug_cond"));
  std::vector<at::Tensor> columns;
  for (const std::string& group : groups) columns.push_back(GoldenTensor(golden, "desc." + group));
  EXPECT_EQ(LargestDifference(at::cat(columns, 1), GoldenTensor(golden, "desc_cat")), 0);
}

INSTANTIATE_TEST_SUITE_P(Files, GoldenProjectorTest, testing::ValuesIn(GoldenNames("projector_")),
                         [](const auto& info) {
                           std::string name = info.param;
                           for (char& c : name) c = absl::ascii_isalnum(c) ? c : '_';
                           return name;
                         });

// As many as the vectors' README names: a missing one would not be missed otherwise.
TEST(GoldenProjectorFilesTest, AreThere) { EXPECT_GE(GoldenNames("projector_").size(), 28u); }

// The projectors of every method at full size: those of ResNet-50, told what the README tells.
class GoldenProjectorShapesTest : public testing::TestWithParam<std::string> {};

TEST_P(GoldenProjectorShapesTest, NamesShapesAndCountsAreTheOfficialOnes) {
  const std::string model = GetParam() + "/";
  ASSERT_OK_AND_ASSIGN(const SafetensorsFile golden, OpenGolden("model_shapes.safetensors"));
  const auto shape_of = [&](const std::string& name) {
    const at::Tensor shape = GoldenTensor(golden, model + name);
    return std::vector<int64_t>(shape.data_ptr<int64_t>(),
                                shape.data_ptr<int64_t>() + shape.numel());
  };
  // The linear layers of a Sequential, and the place of the last one.
  const auto layers_of = [&](const std::string& prefix, int* last) {
    std::vector<std::vector<int64_t>> layers;
    for (int place = 0; place < 100; ++place) {
      const std::string name = absl::StrCat(prefix, place, ".weight");
      if (!golden.Has(model + name) || shape_of(name).size() != 2) continue;
      layers.push_back(shape_of(name));
      *last = place;
    }
    return layers;
  };
  int last = 0, unused = 0;
  const auto layers = layers_of("projector.", &last);
  const auto embedding = layers_of("aug_processor.", &unused);
  ASSERT_GE(layers.size(), 2u);
  v1::ConditioningConfig config;
  config.set_treatment(embedding.empty() ? v1::NONE : v1::MLP);
  int64_t descriptor_size = 0, width = 0;
  if (!embedding.empty()) {
    descriptor_size = embedding.front()[1];
    width = embedding.back()[0];
    config.set_depth(static_cast<int32_t>(embedding.size()));
    config.set_width(static_cast<int32_t>(width));
  }
  // Barlow Twins' 151 million weights take long to draw: a sixteenth of its hidden size shows the
  // same, every 8192 of the file being 512.
  const int64_t whole = layers.front()[0], shrink = whole > 4096 ? 16 : 1;
  const auto shrunk = [&](std::vector<int64_t> shape) {
    for (int64_t& size : shape) size /= size == whole ? shrink : 1;
    return shape;
  };
  const std::string norm = absl::StrCat("projector.", last + 1, ".");
  ASSERT_OK_AND_ASSIGN(
      auto projector,
      MakeConditionedProjector(config, descriptor_size,
                               {.in = layers.front()[1] - width,
                                .hidden = shrunk(layers.front())[0],
                                .out = shrunk(layers.back())[0],
                                .depth = static_cast<int>(layers.size()),
                                .last_norm = golden.Has(model + norm + "running_mean"),
                                .last_norm_affine = golden.Has(model + norm + "weight")},
                               1));
  const std::vector<NamedTensor> state = projector->state();
  // The official code registers the projector first; the names are a set here.
  const at::Tensor order = GoldenTensor(golden, model + "#order");
  ASSERT_EQ(static_cast<int64_t>(state.size()), order.numel());
  std::set<int64_t> hashes(order.data_ptr<int64_t>(), order.data_ptr<int64_t>() + order.numel());
  for (const NamedTensor& entry : state) {
    const std::string name = OfficialName(entry.name);
    EXPECT_EQ(entry.tensor.sizes().vec(), shrunk(shape_of(name))) << name;
    EXPECT_EQ(hashes.count(static_cast<int64_t>(GoldenNameHash(name))), 1u) << name;
  }
  const auto elements_of = [&](const std::string& name) {
    int64_t elements = 1;
    for (int64_t size : shape_of(OfficialName(name))) elements *= size;
    return elements;
  };
  int64_t parameters = 0, elements = 0, buffer_elements = 0;
  for (const NamedTensor& entry : projector->named_parameters()) {
    ++parameters;
    elements += elements_of(entry.name);
  }
  for (const NamedTensor& entry : projector->named_buffers()) {
    buffer_elements += elements_of(entry.name);
  }
  const at::Tensor count = GoldenTensor(golden, model + "#count");
  EXPECT_EQ(count[0].item<int64_t>(), static_cast<int64_t>(state.size()));
  EXPECT_EQ(count[1].item<int64_t>(), parameters);
  EXPECT_EQ(count[2].item<int64_t>(), elements);
  EXPECT_EQ(count[3].item<int64_t>(), elements);
  EXPECT_EQ(count[4].item<int64_t>(), buffer_elements);
}

std::vector<std::string> ProjectorsWithShapes() {
  std::vector<std::string> models;
  for (const std::string& model : GoldenCases("model_shapes.safetensors", "/#count")) {
    if (absl::StartsWith(model, "projector_")) models.push_back(model);
  }
  return models;
}

INSTANTIATE_TEST_SUITE_P(Models, GoldenProjectorShapesTest,
                         testing::ValuesIn(ProjectorsWithShapes()),
                         [](const auto& info) { return info.param; });

TEST(GoldenProjectorShapesFilesTest, NameEveryMethodWithAndWithoutConditioning) {
  const std::vector<std::string> models = ProjectorsWithShapes();
  for (const std::string method : {"moco", "simclr", "byol", "mocov3", "barlow_twins"}) {
    for (const std::string suffix : {"_cat", "_none"}) {
      EXPECT_THAT(models, testing::Contains("projector_" + method + suffix));
    }
  }
}

}  // namespace
}  // namespace cassle
