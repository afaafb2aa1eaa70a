// Weights under the names of the libraries they come from, imported, and the features that these
// libraries compute with them (testdata/make_original_features.py), on images of the size of their
// positions and of others.
#include <c10/core/GradMode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cassle/base/safetensors.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/models/import_weights_testutil.h"
#include "cassle/models/networks/backbone.h"
#include "cassle/models/testing/golden_model.h"
#include "cassle/models/testing/golden_tensor.h"
#include "cassle/models/weights/model_folder.h"

namespace cassle {
namespace {

using ::testing::HasSubstr;

// Sums in another order, through at most 152 layers.
constexpr double kTolerance = 1e-5;

struct Case {
  // In the file; other words are the library and the network.
  const char* name;
  const char* architecture;
  // A part of what the stage says of it.
  const char* note;
  v1::PositionResize position_resize = v1::POSITION_RESIZE_UNSPECIFIED;
};

const Case kCases[] = {
    {"torchvision_resnet101", "resnet101", "blocks have their stride in the 3x3 convolution"},
    {"torchvision_resnet152", "resnet152", "a max-pool behind it"},
    {"torchvision_wide_resnet50_2", "wide_resnet50_2", "a max-pool behind it"},
    {"timm_patch8", "vit_tiny", "with antialiasing, as timm's", v1::BICUBIC_ANTIALIASED},
    {"timm_dinov2", "vit_tiny", "with antialiasing, as timm's", v1::BICUBIC_ANTIALIASED},
    {"timm_dinov2_registers", "vit_tiny", "no row for the class token", v1::BICUBIC_ANTIALIASED},
    {"timm_dinov2_swiglu", "vit_tiny", "and SwiGLU", v1::BICUBIC_ANTIALIASED},
    {"timm_deit3", "vit_tiny", "no row for the class token", v1::BICUBIC_ANTIALIASED},
    {"facebook_dino", "vit_tiny", "0.1 added, as DINO's", v1::BICUBIC_BY_FACTOR},
    {"facebook_dinov2", "vit_tiny", "0.1 added, as DINOv2's", v1::BICUBIC_BY_FACTOR},
    {"hugging_face_dinov2", "vit_tiny", "as under Hugging Face's names of DINOv2", v1::BICUBIC},
    {"hugging_face_dinov2_registers", "vit_tiny", "as of DINOv2 with registers",
     v1::BICUBIC_ANTIALIASED},
    {"hugging_face_mae", "vit_tiny", "as under Hugging Face's names", v1::BICUBIC},
    {"torchvision_vit", "vit_tiny", "as torchvision's", v1::BICUBIC_CORNERS},
    {"torchvision_convnext", "convnext_tiny", "norms have eps 1e-06"},
    {"timm_convnext", "convnext_tiny", "norms have eps 1e-06"},
    {"facebook_convnext", "convnext_tiny", "norms have eps 1e-06"},
    {"hugging_face_convnext", "convnext_tiny", "norms have eps 1e-06"},
};

SafetensorsFile Golden() {
  return SafetensorsFile::Open("cassle/models/testdata/original_features.safetensors").value();
}

// Tensors of the file of weights, filled by their names.
std::vector<WeightArray> ArraysOf(const SafetensorsFile& golden, const std::string& name) {
  std::vector<WeightArray> arrays;
  for (const auto& tensor : nlohmann::json::parse(golden.Metadata(name))) {
    const auto shape = tensor[1].get<std::vector<int64_t>>();
    const at::Tensor values = GoldenRuleTensor(tensor[0], shape);
    arrays.push_back({tensor[0], DType::kF32, shape,
                      std::string(static_cast<const char*>(values.data_ptr()), values.nbytes())});
  }
  return arrays;
}

class OriginalFeaturesTest : public testing::TestWithParam<Case> {};

TEST_P(OriginalFeaturesTest, AreThoseOfTheImportedNetwork) {
  const Case& original = GetParam();
  const SafetensorsFile golden = Golden();
  const std::string model = Fresh(original.name);
  const std::string file =
      Written(absl::StrCat(original.name, ".pth"), ArraysOf(golden, original.name));
  ASSERT_OK_AND_ASSIGN(const StageOutcome outcome, ImportFile(file, model));
  EXPECT_THAT(absl::StrJoin(outcome.manifest.notes(), "\n"), HasSubstr(original.note));
  ASSERT_OK_AND_ASSIGN(const v1::ModelSpec spec, ReadModelSpec(model));
  EXPECT_EQ(spec.backbone().architecture(), original.architecture);
  EXPECT_EQ(spec.backbone().position_resize(), original.position_resize);
  ASSERT_OK_AND_ASSIGN(const std::shared_ptr<Backbone> backbone, LoadBackbone(model));
  backbone->eval();
  const c10::NoGradGuard no_grad;
  const std::string prefix = absl::StrCat(original.name, ".");
  int sizes = 0;
  for (const std::string& entry : golden.names()) {
    if (!absl::StartsWith(entry, prefix)) continue;
    ++sizes;
    const int side = std::atoi(entry.substr(prefix.size()).c_str());
    const at::Tensor expected = GoldenTensor(golden, entry);
    const at::Tensor features =
        backbone->forward(GoldenRuleTensor(absl::StrCat("input", side), {2, 3, side, side}));
    EXPECT_LT(RelativeDifference(features, expected), kTolerance) << side << " px";
    // The two images have features of their own.
    EXPECT_GT(RelativeDifference(expected[0], expected[1]), 0.01);
  }
  EXPECT_GE(sizes, 1);
}

INSTANTIATE_TEST_SUITE_P(Networks, OriginalFeaturesTest, testing::ValuesIn(kCases),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace cassle
