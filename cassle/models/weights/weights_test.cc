#include "cassle/models/weights/weights.h"

#include <ATen/ops/equal.h>
#include <ATen/ops/ones.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "cassle/base/testing/status_matchers.h"
#include "cassle/models/networks/mlp.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::shared_ptr<Mlp> MakeMlp(int64_t hidden, uint64_t seed) {
  auto mlp = std::make_shared<Mlp>(MlpOptions{.in = 3, .hidden = hidden, .out = 2});
  mlp->Initialize(seed);
  return mlp;
}

std::string TestPath(const std::string& name) { return testing::TempDir() + "/" + name; }

SafetensorsFile Written(const SafetensorsWriter& writer, const std::string& name) {
  EXPECT_OK(writer.Write(TestPath(name)));
  return SafetensorsFile::Open(TestPath(name)).value();
}

TEST(WeightsTest, SavedAndLoadedNetworksAreEqualToTheLastBit) {
  std::shared_ptr<Mlp> saved = MakeMlp(4, 1);
  saved->forward(at::ones({5, 3}));  // moves the running statistics
  SafetensorsWriter writer;
  ASSERT_OK(SaveModule(*saved, "head.", &writer));
  ASSERT_OK(AddTensor("other.weight", at::ones({2}), &writer));
  const SafetensorsFile file = Written(writer, "equal.safetensors");

  std::shared_ptr<Mlp> loaded = MakeMlp(4, 2);
  EXPECT_NE(WeightsFingerprint(*loaded), WeightsFingerprint(*saved));
  ASSERT_OK(LoadModule(file, "head.", loaded.get()));
  EXPECT_EQ(WeightsFingerprint(*loaded), WeightsFingerprint(*saved));
  for (size_t i = 0; i < saved->state().size(); ++i) {
    EXPECT_TRUE(at::equal(saved->state()[i].tensor, loaded->state()[i].tensor));
  }
}

TEST(WeightsTest, LoadingIsStrictAndSaysWhatDiffers) {
  std::shared_ptr<Mlp> saved = MakeMlp(4, 1);
  SafetensorsWriter writer;
  for (const NamedTensor& entry : saved->state()) {
    const std::string name = entry.name == "0.weight" ? "0.wait" : entry.name;
    ASSERT_OK(AddTensor(name, entry.tensor, &writer));
  }
  const SafetensorsFile file = Written(writer, "different.safetensors");
  std::shared_ptr<Mlp> wider = MakeMlp(7, 2);
  const std::string before = WeightsFingerprint(*wider);
  EXPECT_THAT(LoadModule(file, "", wider.get()),
              StatusIs(absl::StatusCode::kDataLoss,
                       AllOf(HasSubstr("different.safetensors"), HasSubstr("1 missing: 0.weight"),
                             HasSubstr("1 unexpected: 0.wait"),
                             HasSubstr("1.weight is [4] and should be [7]"))));
  EXPECT_EQ(WeightsFingerprint(*wider), before);
}

TEST(WeightsTest, ValuesThatAreNotFiniteAreRefusedByName) {
  std::shared_ptr<Mlp> saved = MakeMlp(4, 1);
  saved->state()[1].tensor.detach().fill_(std::numeric_limits<float>::quiet_NaN());
  SafetensorsWriter writer;
  ASSERT_OK(SaveModule(*saved, "", &writer));
  std::shared_ptr<Mlp> loaded = MakeMlp(4, 2);
  EXPECT_THAT(LoadModule(Written(writer, "nan.safetensors"), "", loaded.get()),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("1.weight")));
}

TEST(WeightsTest, TensorsOfEveryStoredTypeComeBack) {
  SafetensorsWriter writer;
  const at::Tensor values = at::ones({2, 3}).cumsum(1);
  const at::ScalarType types[] = {at::kFloat, at::kDouble, at::kLong, at::kByte, at::kBFloat16};
  for (at::ScalarType type : types) {
    // A transposed tensor is stored row-major.
    ASSERT_OK(AddTensor(c10::toString(type), values.t().to(type), &writer));
  }
  EXPECT_THAT(AddTensor("half", values.to(at::kHalf), &writer),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("half")));
  const SafetensorsFile file = Written(writer, "types.safetensors");
  for (at::ScalarType type : types) {
    ASSERT_OK_AND_ASSIGN(const TensorView view, file.Get(c10::toString(type)));
    EXPECT_TRUE(at::equal(ToTensor(view), values.t().to(type))) << c10::toString(type);
  }
}

TEST(ModuleTest, CopyStateCopiesParametersAndBuffersButSharesNothing) {
  std::shared_ptr<Mlp> a = MakeMlp(4, 1);
  std::shared_ptr<Mlp> b = MakeMlp(4, 2);
  a->forward(at::ones({5, 3}));
  CopyState(*a, b.get());
  const std::string copied = WeightsFingerprint(*b);
  EXPECT_EQ(copied, WeightsFingerprint(*a));
  a->Initialize(3);
  EXPECT_EQ(copied, WeightsFingerprint(*b));
  EXPECT_THROW(CopyState(*a, MakeMlp(5, 1).get()), c10::Error);
}

TEST(ModuleTest, InitializeResetsBuffersAndDependsOnThePrefix) {
  std::shared_ptr<Mlp> a = MakeMlp(4, 1);
  const std::string fresh = WeightsFingerprint(*a);
  a->forward(at::ones({5, 3}));
  EXPECT_NE(WeightsFingerprint(*a), fresh);
  a->Initialize(1);
  EXPECT_EQ(WeightsFingerprint(*a), fresh);
  a->Initialize(1, "other.");
  EXPECT_NE(WeightsFingerprint(*a), fresh);
}

TEST(ModuleTest, GradientsCanBeSwitchedOffAndDropped) {
  std::shared_ptr<Mlp> mlp = MakeMlp(4, 1);
  mlp->forward(at::ones({5, 3})).sum().backward();
  EXPECT_TRUE(mlp->parameters()[0].grad().defined());
  mlp->zero_grad();
  EXPECT_FALSE(mlp->parameters()[0].grad().defined());
  mlp->set_requires_grad(false);
  EXPECT_FALSE(mlp->forward(at::ones({5, 3})).requires_grad());
}

TEST(ModuleTest, BatchNormRefusesOneValuePerChannel) {
  EXPECT_THROW(MakeMlp(4, 1)->forward(at::ones({1, 3})), c10::Error);
}

}  // namespace
}  // namespace cassle
