#include "cassle/ssl/method/relative_conditioning.h"

#include <ATen/TensorOperators.h>

#include <memory>
#include <utility>

#include "cassle/base/testing/status_matchers.h"
#include "cassle/models/testing/golden_tensor.h"
#include "cassle/ssl/testing/tiny_backbone.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::HasSubstr;

// Keeps what it was handed.
class Listener : public Method {
 public:
  explicit Listener(int num_views) : num_views_(num_views) {}
  MethodOutput Forward(const Batch& batch) override {
    heard = batch;
    return {};
  }
  void AfterStep() override {}
  std::vector<Network> networks() const override { return {}; }
  int num_views() const override { return num_views_; }

  Batch heard;

 private:
  const int num_views_;
};

MethodSetup Relative() {
  v1::ConditioningConfig conditioning;
  conditioning.set_treatment(v1::MLP);
  conditioning.set_relative(true);
  return TinySetup(kBatch, kDescriptor, 1, conditioning);
}

TEST(RelativeConditioningTest, EachViewIsToldHowItDiffersFromTheOther) {
  auto listener = std::make_unique<Listener>(2);
  const Listener& inner = *listener;
  ASSERT_OK_AND_ASSIGN(const auto method,
                       WithRelativeConditioning(Relative(), std::move(listener)));
  const Batch batch = RandomBatch(1);
  const at::Tensor before = batch.views[0].descriptors.clone();
  method->Forward(batch);
  const at::Tensor difference = before - batch.views[1].descriptors;
  EXPECT_EQ(LargestDifference(inner.heard.views[0].descriptors, difference), 0);
  EXPECT_EQ(LargestDifference(inner.heard.views[1].descriptors, -difference), 0);
  // The batch is the loop's.
  EXPECT_EQ(LargestDifference(batch.views[0].descriptors, before), 0);
  EXPECT_TRUE(inner.heard.views[0].images.is_same(batch.views[0].images));
  EXPECT_TRUE(inner.heard.views[0].relative.is_same(batch.views[0].relative));
}

TEST(RelativeConditioningTest, WithoutItAMethodStaysAsItIs) {
  for (const bool none : {true, false}) {
    MethodSetup setup = Relative();
    if (none) {
      setup.conditioning.set_treatment(v1::NONE);
    } else {
      setup.conditioning.set_relative(false);
    }
    auto listener = std::make_unique<Listener>(4);
    const Method* const inner = listener.get();
    ASSERT_OK_AND_ASSIGN(const auto method, WithRelativeConditioning(setup, std::move(listener)));
    EXPECT_EQ(method.get(), inner);
  }
}

TEST(RelativeConditioningTest, OneViewHasNoOtherAndOfManyNoneIsTheOther) {
  for (const auto& [views, words] : {std::pair(1, "takes 1 view of"), {4, "takes 4 views of"}}) {
    EXPECT_THAT(WithRelativeConditioning(Relative(), std::make_unique<Listener>(views)),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(words)));
  }
}

}  // namespace
}  // namespace cassle
