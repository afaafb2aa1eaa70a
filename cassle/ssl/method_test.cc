// The contract that every registered method keeps, and settings of their own.
#include "cassle/ssl/method.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cassle/base/file.h"
#include "cassle/base/philox.h"
#include "cassle/base/status_matchers.h"
#include "cassle/models/golden_tensor.h"
#include "cassle/ssl/checkpoint.h"
#include "cassle/ssl/make_optimizer.h"
#include "cassle/ssl/method_registry.h"
#include "cassle/ssl/objectives.h"
#include "cassle/ssl/tiny_backbone.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// --- The contract.

constexpr int64_t kBatch = 8;
constexpr int64_t kDescriptor = 5;

at::Tensor RandomTensor(at::IntArrayRef sizes, uint64_t seed) {
  at::Tensor tensor = at::empty(sizes, at::kFloat);
  Philox random(StreamKey{seed});
  for (int64_t i = 0; i < tensor.numel(); ++i) {
    tensor.data_ptr<float>()[i] = static_cast<float>(random.NextGaussian());
  }
  return tensor;
}

std::vector<View> RandomViews(uint64_t seed) {
  std::vector<View> views;
  for (uint64_t view = 0; view < 2; ++view) {
    views.push_back({RandomTensor({kBatch, 3, 12, 12}, 10 * seed + view)
                         .contiguous(at::MemoryFormat::ChannelsLast),
                     RandomTensor({kBatch, kDescriptor}, 1000 + 10 * seed + view)});
  }
  return views;
}

struct Variant {
  std::string method;
  v1::Treatment treatment;
};

void PrintTo(const Variant& variant, std::ostream* out) {
  *out << variant.method << "_" << v1::Treatment_Name(variant.treatment);
}

class MethodContractTest : public ::testing::TestWithParam<Variant> {
 protected:
  v1::MethodConfig Config() const {
    v1::MethodConfig config;
    const auto* field = config.GetDescriptor()->FindFieldByName(GetParam().method);
    google::protobuf::Message* settings = config.GetReflection()->MutableMessage(&config, field);
    // The methods' own sizes are for large backbones: they would take minutes and gigabytes.
    for (const char* size : {"hidden_size", "projection_size", "predictor_hidden_size"}) {
      const auto* setting = settings->GetDescriptor()->FindFieldByName(size);
      if (setting != nullptr) settings->GetReflection()->SetInt32(settings, setting, 16);
    }
    if (config.has_moco_v2()) config.mutable_moco_v2()->set_queue_size(4 * kBatch);
    return config;
  }

  std::unique_ptr<Method> Make(uint64_t seed, Precision precision = Precision::kFloat32) const {
    MethodSetup setup = TinySetup(kBatch, kDescriptor, seed);
    setup.conditioning.set_treatment(GetParam().treatment);
    setup.conditioning.set_depth(2);
    setup.conditioning.set_width(4);
    setup.precision = precision;
    absl::StatusOr<std::unique_ptr<Method>> method = MakeMethod(Config(), setup);
    EXPECT_OK(method);
    return *std::move(method);
  }

  // With the method's own kind of optimiser and groups.
  static std::unique_ptr<Optimizer> OptimizerOf(const Method& method) {
    return MakeOptimizer({.kind = method.recipe().optimizer}, method.parameter_groups());
  }

  // Steps first .. first+count-1 of 10.
  static void Train(int first, int count, Method* method, Optimizer* optimizer) {
    const double rate = method->recipe().optimizer == v1::ADAMW ? 1e-3 : 0.1;
    for (int step = first; step < first + count; ++step) {
      method->set_progress((step - 1) / 10.0);
      optimizer->ZeroGrad();
      method->Forward(RandomViews(step)).loss.backward();
      optimizer->Step(GroupRates(optimizer->groups(), rate, rate * (1 - step / 20.0)));
      method->AfterStep();
    }
  }

  static void ExpectSameState(const std::vector<NamedTensor>& a,
                              const std::vector<NamedTensor>& b) {
    ASSERT_EQ(a.size(), b.size());
    for (size_t i = 0; i < a.size(); ++i) {
      EXPECT_EQ(a[i].name, b[i].name);
      EXPECT_TRUE(a[i].tensor.equal(b[i].tensor)) << a[i].name;
    }
  }
};

TEST_P(MethodContractTest, LossIsFiniteAndItsGradientReachesEveryTrainedParameter) {
  for (const Precision precision : {Precision::kFloat32, Precision::kBfloat16}) {
    const std::unique_ptr<Method> method = Make(1, precision);
    const MethodOutput output = method->Forward(RandomViews(1));
    EXPECT_TRUE(std::isfinite(output.loss.item().toDouble()));
    EXPECT_EQ(output.loss.scalar_type(), at::kFloat);
    EXPECT_EQ(output.z1.scalar_type(), at::kFloat);
    output.loss.backward();
    for (const NamedTensor& parameter : method->trained_parameters()) {
      ASSERT_TRUE(parameter.tensor.grad().defined()) << parameter.name;
      EXPECT_GT(parameter.tensor.grad().abs().max().item().toDouble(), 0) << parameter.name;
    }
  }
}

TEST_P(MethodContractTest, SameSeedGivesTheSameBitsAndAnotherSeedDoesNot) {
  std::vector<std::unique_ptr<Method>> methods;
  for (uint64_t seed : {7, 7, 8}) {
    methods.push_back(Make(seed));
    Train(1, 3, methods.back().get(), OptimizerOf(*methods.back()).get());
  }
  ExpectSameState(methods[0]->state(), methods[1]->state());
  EXPECT_FALSE(methods[0]->state()[0].tensor.equal(methods[2]->state()[0].tensor));
}

TEST_P(MethodContractTest, SavedAndLoadedStateGoesOnBitForBit) {
  const std::string folder =
      absl::StrCat(::testing::TempDir(), "/", ::testing::PrintToString(GetParam()));
  ASSERT_OK(RemoveAll(folder));
  ASSERT_OK(MakeDirectories(folder));
  const auto everything = [](const Method& method, const Optimizer& optimizer) {
    std::vector<NamedTensor> all = method.state();
    for (const NamedTensor& buffer : optimizer.buffers()) {
      all.push_back({"optimizer." + buffer.name, buffer.tensor});
    }
    return all;
  };
  const std::unique_ptr<Method> undisturbed = Make(1);
  const std::unique_ptr<Optimizer> undisturbed_optimizer = OptimizerOf(*undisturbed);
  Train(1, 2, undisturbed.get(), undisturbed_optimizer.get());
  v1::TrainState state;
  state.set_step(2);
  state.set_epoch_loss_sum(0.1);
  ASSERT_OK(SaveCheckpoint(folder, state, everything(*undisturbed, *undisturbed_optimizer)));
  Train(3, 6, undisturbed.get(), undisturbed_optimizer.get());

  const std::unique_ptr<Method> resumed = Make(99);  // Nothing of the seed may be left.
  const std::unique_ptr<Optimizer> resumed_optimizer = OptimizerOf(*resumed);
  ASSERT_OK_AND_ASSIGN(const auto checkpoint, FindCheckpoint(folder));
  ASSERT_TRUE(checkpoint.has_value());
  ASSERT_OK_AND_ASSIGN(const v1::TrainState loaded,
                       LoadCheckpoint(*checkpoint, everything(*resumed, *resumed_optimizer)));
  EXPECT_EQ(loaded.step(), 2);
  EXPECT_EQ(loaded.epoch_loss_sum(), 0.1);
  Train(3, 6, resumed.get(), resumed_optimizer.get());
  ExpectSameState(everything(*resumed, *resumed_optimizer),
                  everything(*undisturbed, *undisturbed_optimizer));
}

TEST_P(MethodContractTest, GroupsHoldEveryTrainedParameterOnce) {
  const std::unique_ptr<Method> method = Make(1);
  std::vector<std::string> trained, grouped;
  for (const NamedTensor& parameter : method->trained_parameters()) {
    trained.push_back(parameter.name);
  }
  for (const ParameterGroup& group : method->parameter_groups()) {
    EXPECT_FALSE(group.parameters.empty());
    for (const NamedTensor& parameter : group.parameters) grouped.push_back(parameter.name);
  }
  EXPECT_THAT(grouped, ::testing::UnorderedElementsAreArray(trained));
}

TEST_P(MethodContractTest, ProjectionsStaySpreadWhileItTrains) {
  const std::unique_ptr<Method> method = Make(1);
  Train(1, 10, method.get(), OptimizerOf(*method).get());
  const MethodOutput output = method->Forward(RandomViews(11));
  // About 1 for projections all over the sphere, 0 for a collapse.
  EXPECT_GT(DescribeProjections(output.z1, output.z2).spread, 0.2);
}

TEST_P(MethodContractTest, OnlyConditioningLooksAtTheDescriptor) {
  std::vector<View> views = RandomViews(1);
  const double loss = Make(1)->Forward(views).loss.item().toDouble();
  for (View& view : views) view.descriptors = RandomTensor({kBatch, kDescriptor}, 77);
  const double other = Make(1)->Forward(views).loss.item().toDouble();
  if (GetParam().treatment == v1::NONE) {
    EXPECT_EQ(loss, other);
    for (View& view : views) view.descriptors = at::empty({kBatch, 0});
    EXPECT_EQ(loss, Make(1)->Forward(views).loss.item().toDouble());
  } else {
    EXPECT_NE(loss, other);
  }
}

std::vector<Variant> AllVariants() {
  std::vector<Variant> variants;
  for (const std::string& method : MethodNames()) {
    for (const v1::Treatment treatment : {v1::NONE, v1::MLP})
      variants.push_back({method, treatment});
  }
  return variants;
}

INSTANTIATE_TEST_SUITE_P(AllMethods, MethodContractTest, ::testing::ValuesIn(AllVariants()),
                         ::testing::PrintToStringParamName());

TEST(MethodRegistryTest, KnowsEveryMemberOfTheOneof) {
  const auto* oneof = v1::MethodConfig::descriptor()->oneof_decl(0);
  ASSERT_EQ(oneof->field_count(), static_cast<int>(MethodNames().size()));
  for (int i = 0; i < oneof->field_count(); ++i)
    EXPECT_EQ(oneof->field(i)->name(), MethodNames()[i]);
}

TEST(MethodRegistryTest, AsksForAMethod) {
  EXPECT_THAT(MakeMethod(v1::MethodConfig(), TinySetup(8, 0)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--method=moco_v2")));
}

TEST(MocoV2Test, KeysOrQueriesEnterTheQueue) {
  v1::MethodConfig config;
  config.mutable_moco_v2()->set_queue_size(2 * kBatch);
  struct Case {
    v1::Enqueue enqueue;
    bool official;
    bool keys;
  };
  for (const auto& [enqueue, official, keys] :
       {Case{v1::KEYS, false, true}, Case{v1::QUERIES, false, false},
        Case{v1::ENQUEUE_UNSPECIFIED, false, true}, Case{v1::ENQUEUE_UNSPECIFIED, true, false},
        Case{v1::KEYS, true, true}}) {
    config.mutable_moco_v2()->clear_enqueue();
    if (enqueue != v1::ENQUEUE_UNSPECIFIED) config.mutable_moco_v2()->set_enqueue(enqueue);
    MethodSetup setup = TinySetup(kBatch, 0);
    setup.official = official;
    ASSERT_OK_AND_ASSIGN(const auto method, MakeMethod(config, setup));
    const MethodOutput output = method->Forward(RandomViews(1));
    method->AfterStep();
    const at::Tensor& expected = keys ? output.z2 : output.z1;
    const at::Tensor rows = method->other_state()[0].tensor.narrow(0, 0, kBatch);
    EXPECT_LT(LargestDifference(rows, expected / expected.norm(2, {1}, true)), 1e-6);
  }
}

TEST(MocoV2Test, ExplainsAQueueThatIsNoMultipleOfTheBatch) {
  v1::MethodConfig config;
  config.mutable_moco_v2()->set_queue_size(100);
  EXPECT_THAT(MakeMethod(config, TinySetup(48, 0)),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("queue_size is 100, not a multiple of the batch size 48; the "
                                 "nearest that are: 96 and 144")));
  config.mutable_moco_v2()->set_queue_size(10);
  EXPECT_THAT(MakeMethod(config, TinySetup(48, 0)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("the nearest that are: 48")));
}

std::vector<int64_t> ShapeOf(const Method& method, const std::string& name) {
  for (const NamedTensor& entry : method.state()) {
    if (entry.name == name) return entry.tensor.sizes().vec();
  }
  return {};
}

TEST(ByolTest, HiddenLayerIsThePapersOrAsWideAsTheFeaturesWithCompatOfficial) {
  v1::MethodConfig config;
  config.mutable_byol()->set_predictor_hidden_size(8);
  MethodSetup setup = TinySetup(kBatch, 0);
  ASSERT_OK_AND_ASSIGN(const auto correct, MakeMethod(config, setup));
  EXPECT_THAT(ShapeOf(*correct, "projector.mlp.0.weight"), ElementsAre(4096, 12));
  setup.official = true;
  ASSERT_OK_AND_ASSIGN(const auto official, MakeMethod(config, setup));
  EXPECT_THAT(ShapeOf(*official, "projector.mlp.0.weight"), ElementsAre(12, 12));
  EXPECT_THAT(ShapeOf(*official, "projector.mlp.3.weight"), ElementsAre(256, 12));
  config.mutable_byol()->set_hidden_size(20);
  ASSERT_OK_AND_ASSIGN(const auto chosen, MakeMethod(config, setup));
  EXPECT_THAT(ShapeOf(*chosen, "projector.mlp.0.weight"), ElementsAre(20, 12));
}

TEST(SimsiamTest, PredictorsRateIsConstant) {
  v1::MethodConfig config;
  v1::SimsiamConfig* simsiam = config.mutable_simsiam();
  simsiam->set_hidden_size(8);
  simsiam->set_projection_size(8);
  for (const bool constant : {true, false}) {
    simsiam->set_constant_predictor_rate(constant);
    ASSERT_OK_AND_ASSIGN(const auto method, MakeMethod(config, TinySetup(kBatch, 0)));
    EXPECT_THAT(GroupRates(method->parameter_groups(), 0.5, 0.1),
                ElementsAre(0.1, constant ? 0.5 : 0.1));
    EXPECT_EQ(method->parameter_groups()[1].parameters[0].name, "predictor.0.weight");
  }
}

TEST(BarlowTwinsTest, TrainsWithLarsOrAsTheAuthorsWithSgd) {
  v1::MethodConfig config;
  config.mutable_barlow_twins()->set_hidden_size(8);
  config.mutable_barlow_twins()->set_projection_size(8);
  MethodSetup setup = TinySetup(kBatch, 0);
  ASSERT_OK_AND_ASSIGN(const auto correct, MakeMethod(config, setup));
  EXPECT_EQ(correct->recipe().optimizer, v1::LARS);
  setup.official = true;
  ASSERT_OK_AND_ASSIGN(const auto official, MakeMethod(config, setup));
  EXPECT_EQ(official->recipe().optimizer, v1::SGD);
  for (const auto* method : {correct.get(), official.get()}) {
    EXPECT_EQ(method->recipe().warmup_epochs, 10);
    EXPECT_THAT(GroupRates(method->parameter_groups(), 1, 1), ElementsAre(1, 0.024));
    for (const NamedTensor& bias : method->parameter_groups()[1].parameters) {
      EXPECT_EQ(bias.tensor.dim(), 1) << bias.name;
    }
  }
}

// The momentum of one update, from a parameter that the online network has moved by 1.
double MomentumAt(const v1::MethodConfig& config, bool official, double progress) {
  MethodSetup setup = TinySetup(kBatch, 0);
  setup.official = official;
  const std::unique_ptr<Method> method = *MakeMethod(config, setup);
  const auto named = [&method](const std::string& name) {
    for (const NamedTensor& entry : method->state()) {
      if (entry.name == name) return entry.tensor.detach();
    }
    return at::Tensor();
  };
  at::Tensor online = named("backbone.bn1.bias"), average = named("momentum_backbone.bn1.bias");
  online.fill_(1);
  average.fill_(0);
  method->set_progress(progress);
  method->Forward(RandomViews(1));
  method->AfterStep();
  return 1 - average.max().item().toDouble();
}

TEST(MomentumTest, RisesAlongACosineOrIsConstantAsTheAuthors) {
  v1::MethodConfig config;
  config.mutable_moco_v3()->set_hidden_size(8);
  config.mutable_moco_v3()->set_predictor_hidden_size(8);
  // float32 keeps 1 - momentum to 1e-7.
  EXPECT_NEAR(MomentumAt(config, false, 0), 0.99, 1e-6);
  EXPECT_NEAR(MomentumAt(config, false, 0.5), 0.995, 1e-6);
  EXPECT_NEAR(MomentumAt(config, false, 1), 1, 1e-6);
  EXPECT_NEAR(MomentumAt(config, true, 0), 0.999, 1e-6);
  EXPECT_NEAR(MomentumAt(config, true, 0.5), 0.999, 1e-6);
  config.mutable_byol()->set_hidden_size(8);
  config.mutable_byol()->set_predictor_hidden_size(8);
  for (const bool official : {false, true}) {
    EXPECT_NEAR(MomentumAt(config, official, 0), 0.996, 1e-6);
    EXPECT_NEAR(MomentumAt(config, official, 0.5), 0.998, 1e-6);
  }
}

TEST(SettingsTest, AreCheckedByName) {
  v1::MethodConfig config;
  config.mutable_moco_v2()->set_temperature(0);
  EXPECT_THAT(MakeMethod(config, TinySetup(8, 0)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("moco_v2.temperature is 0")));
  config.mutable_moco_v2()->set_temperature(1);
  config.mutable_moco_v2()->set_momentum(1.5);
  EXPECT_THAT(MakeMethod(config, TinySetup(8, 0)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("moco_v2.momentum is 1.5")));
  config.mutable_byol()->set_final_momentum(-1);
  EXPECT_THAT(MakeMethod(config, TinySetup(8, 0)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("byol.final_momentum is -1")));
  config.mutable_byol()->set_final_momentum(1);
  config.mutable_byol()->set_predictor_hidden_size(0);
  EXPECT_THAT(
      MakeMethod(config, TinySetup(8, 0)),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("predictor_hidden_size is 0")));
  config.mutable_simsiam()->set_projector_depth(0);
  EXPECT_THAT(MakeMethod(config, TinySetup(8, 0)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("projector_depth is 0")));
  config.mutable_barlow_twins()->set_bias_rate_scale(0);
  EXPECT_THAT(MakeMethod(config, TinySetup(8, 0)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("bias_rate_scale is 0")));
  config.mutable_moco_v3()->set_temperature(-1);
  EXPECT_THAT(MakeMethod(config, TinySetup(8, 0)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("moco_v3.temperature is -1")));
  config.mutable_simclr()->set_projection_size(0);
  EXPECT_THAT(MakeMethod(config, TinySetup(8, 0)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("projection_size 0")));
  EXPECT_THAT(MakeMethod(config, TinySetup(1, 0)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("batch_size is 1")));
}

}  // namespace
}  // namespace cassle
