// The contract of every operation, run over the registry: a new operation is tested by its line
// there.
#include "cassle/augment/operations/operations.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <cmath>
#include <functional>
#include <memory>
#include <set>
#include <string>

#include "cassle/augment/policies/policy.h"
#include "cassle/augment/views/apply.h"
#include "cassle/augment/views/sample.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/base/text_proto.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

constexpr int kSize = 24;
constexpr uint64_t kSeed = 20261122;

// Every operation, each with an even chance; of operations that exclude each other `wanted`.
v1::Policy EverythingPolicy(const std::string& wanted) {
  v1::Policy policy;
  EXPECT_OK(ParseTextProto(R"(
    name: "everything" size: 24
    crop { scale_min: 0.2 scale_max: 1 ratio_min: 0.75 ratio_max: 1.3333 }
    flip { probability: 0.5 }
    color_jitter { probability: 0.5 brightness: 0.4 contrast: 0.4 saturation: 0.4 hue: 0.1 }
    solarize { probability: 0.5 threshold_min: 0.2 threshold_max: 0.8 }
    grayscale { probability: 0.5 }
    blur { probability: 0.5 sigma_min_px: 0.1 sigma_max_px: 2 kernel_px: 9 }
    rotation { probability: 0.5 }
    vertical_flip { probability: 0.5 }
    color_drop { probability: 0.5 }
    angle_rotation { probability: 0.5 degrees_min: -30 degrees_max: 60 }
    gaussian_noise { probability: 0.5 sigma_min: 0.02 sigma_max: 0.1 }
    cutout { probability: 0.5 scale_min: 0.05 scale_max: 0.3 ratio_min: 0.5 ratio_max: 2 }
    mean: [0.5, 0.5, 0.5] std: [0.2, 0.2, 0.2])",
                           "test", &policy));
  if (wanted == "solarize_after_blur") {
    policy.mutable_solarize_after_blur()->Swap(policy.mutable_solarize());
    policy.clear_solarize();
  }
  if (wanted == "evaluation_crop") {
    policy.mutable_evaluation_crop()->set_resize_px(32);
    policy.clear_crop();
  }
  EXPECT_OK(CheckPolicy(policy));
  return policy;
}

RgbImage NoiseImage(int height, int width) {
  RgbImage image;
  image.Resize(height, width);
  Philox random(StreamKey{kSeed, RandomDomain::kTest, 1, 0, 0});
  for (uint8_t& value : image.pixels) value = random.Below(256);
  return image;
}

v1::ViewRecord PlainRecord() {
  v1::Policy only_size;
  only_size.set_size(kSize);
  return SampleView(only_size, {kSeed, 0, 5, 0}, kSize, kSize);
}

// A record of an applied operation, and which fields of the record that operation wrote.
struct Sampled {
  v1::ViewRecord record;
  std::vector<const google::protobuf::FieldDescriptor*> written;
};

Sampled SampleApplied(const Operation& operation, const v1::Policy& policy) {
  const v1::ViewRecord plain = PlainRecord();
  Sampled sampled;
  for (uint64_t id = 0; !operation.applied(sampled.record); ++id) {
    sampled.record = plain;
    Philox random(StreamKey{kSeed, operation.domain, id, 0, 0});
    operation.sample(policy, random, &sampled.record);
  }
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  sampled.record.GetReflection()->ListFields(sampled.record, &fields);
  for (const auto* field : fields) {
    v1::ViewRecord from = sampled.record;
    v1::ViewRecord only = plain;
    only.GetReflection()->SwapFields(&only, &from, {field});
    if (only.SerializeAsString() != plain.SerializeAsString()) sampled.written.push_back(field);
  }
  return sampled;
}

// Calls `visit` with `message` changed to hold one number that is beyond any range, for every
// number in `field`. Numbers of 64 bits are keys, which may hold anything.
void WithEachNumberDamaged(google::protobuf::Message* message,
                           const google::protobuf::FieldDescriptor* field,
                           const std::function<void()>& visit) {
  using Field = google::protobuf::FieldDescriptor;
  const google::protobuf::Reflection& of = *message->GetReflection();
  const std::unique_ptr<google::protobuf::Message> saved(message->New());
  saved->CopyFrom(*message);
  const auto visit_and_restore = [&] {
    visit();
    message->CopyFrom(*saved);
  };
  const int count = field->is_repeated() ? of.FieldSize(*message, field) : 1;
  for (int i = 0; i < count; ++i) {
    switch (field->cpp_type()) {
      case Field::CPPTYPE_MESSAGE: {
        google::protobuf::Message* part = of.MutableMessage(message, field);
        std::vector<const Field*> inner;
        part->GetReflection()->ListFields(*part, &inner);
        for (const Field* number : inner) WithEachNumberDamaged(part, number, visit);
        break;
      }
      case Field::CPPTYPE_FLOAT:
        for (float value : {NAN, INFINITY, -1e9f}) {
          if (field->is_repeated()) {
            of.SetRepeatedFloat(message, field, i, value);
          } else {
            of.SetFloat(message, field, value);
          }
          visit_and_restore();
        }
        break;
      case Field::CPPTYPE_UINT32:
        of.SetUInt32(message, field, 0xffffffff);
        visit_and_restore();
        break;
      case Field::CPPTYPE_ENUM:
        of.SetRepeatedEnumValue(message, field, i, 99);
        visit_and_restore();
        break;
      case Field::CPPTYPE_BOOL:
      case Field::CPPTYPE_UINT64:
        break;
      default:
        ADD_FAILURE() << "this test cannot damage " << field->full_name();
    }
  }
}

std::string Words(const Operation& operation, const v1::Policy& policy,
                  const v1::ViewRecord& record) {
  std::string words;
  for (const Caption& caption : operation.captions(policy, record)) {
    words += caption.label + " " + caption.value + "\n";
  }
  return words;
}

class OperationContractTest : public ::testing::TestWithParam<Operation> {
 protected:
  v1::Policy Everything() const { return EverythingPolicy(std::string(GetParam().name)); }
};

TEST_P(OperationContractTest, EveryOperationIsAFieldOfThePolicy) {
  const v1::Policy policy = Everything();
  EXPECT_TRUE(GetParam().in_policy(policy));
  EXPECT_FALSE(GetParam().in_policy(v1::Policy()));
  EXPECT_NE(v1::Policy::descriptor()->FindFieldByName(std::string(GetParam().name)), nullptr);
}

TEST_P(OperationContractTest, ReplayIsBitExact) {
  const v1::Policy policy = Everything();
  const RgbImage source = NoiseImage(40, 31);
  int changed = 0;
  for (uint64_t id = 0; id < 40; ++id) {
    v1::ViewRecord record = PlainRecord();
    record.set_source_height(source.height);
    record.set_source_width(source.width);
    record.mutable_crop()->set_height(source.height);
    record.mutable_crop()->set_width(source.width);
    const std::string plain = record.SerializeAsString();
    Philox random(StreamKey{kSeed, GetParam().domain, id, 0, 0});
    GetParam().sample(policy, random, &record);
    if (record.SerializeAsString() != plain) ++changed;
    RgbImage first, second;
    ASSERT_OK(ApplyView(source, &record, &first));
    v1::ViewRecord replayed;
    ASSERT_TRUE(replayed.ParseFromString(record.SerializeAsString()));
    ASSERT_OK(ApplyView(source, &replayed, &second));
    EXPECT_EQ(first, second);
    EXPECT_EQ(record.SerializeAsString(), replayed.SerializeAsString());
  }
  EXPECT_GT(changed, 5) << "the operation hardly ever draws anything";
}

TEST_P(OperationContractTest, IdentityParametersChangeNoPixel) {
  const RgbImage source = NoiseImage(kSize, kSize);
  v1::ViewRecord record = PlainRecord();
  GetParam().set_identity(Everything(), &record);
  RgbImage view;
  ASSERT_OK(ApplyView(source, &record, &view));
  EXPECT_EQ(view, source);
}

TEST_P(OperationContractTest, ValuesOutOfRangeAreRefusedBeforeAnyPixelIsTouched) {
  const RgbImage source = NoiseImage(kSize, kSize);
  Sampled sampled = SampleApplied(GetParam(), Everything());
  ASSERT_FALSE(sampled.written.empty());
  EXPECT_OK(GetParam().check_record(sampled.record));
  for (const auto* field : sampled.written) {
    WithEachNumberDamaged(&sampled.record, field, [&] {
      v1::ViewRecord damaged = sampled.record;
      Canvas canvas;
      RgbImage view;
      EXPECT_THAT(ApplyView(SourcePixels(source), &damaged, &canvas, &view),
                  StatusIs(absl::StatusCode::kDataLoss, ::testing::_))
          << damaged.ShortDebugString();
      EXPECT_TRUE(canvas.image.values.empty()) << damaged.ShortDebugString();
      EXPECT_EQ(CheckRecord(kSize, kSize, damaged).code(), absl::StatusCode::kDataLoss);
    });
  }
}

TEST_P(OperationContractTest, ARecordOfNothingIsInRange) {
  EXPECT_OK(GetParam().check_record(PlainRecord()));
}

TEST_P(OperationContractTest, WhatApplyWritesIntoTheRecordIsWhatItMeasured) {
  const RgbImage source = NoiseImage(kSize, kSize);
  v1::ViewRecord drawn = SampleApplied(GetParam(), Everything()).record;
  v1::ViewRecord applied = drawn;
  RgbImage view;
  ASSERT_OK(ApplyView(source, &applied, &view));
  if (GetParam().copy_measured != nullptr) {
    EXPECT_NE(drawn.SerializeAsString(), applied.SerializeAsString()) << "nothing is measured";
    GetParam().copy_measured(applied, &drawn);
    // Nothing is copied where there is nothing.
    v1::ViewRecord plain = PlainRecord();
    GetParam().copy_measured(applied, &plain);
    EXPECT_EQ(plain.SerializeAsString(), PlainRecord().SerializeAsString());
  }
  EXPECT_EQ(drawn.SerializeAsString(), applied.SerializeAsString());
}

TEST_P(OperationContractTest, ARecordBeginsWithTheOperationThatFillsItsCanvas) {
  const v1::ViewRecord record = SampleApplied(GetParam(), Everything()).record;
  const Operation& fill = FillOf(record);
  ASSERT_TRUE(fill.fill.has_value());
  EXPECT_EQ(fill.name, GetParam().fill.has_value() ? GetParam().name : "crop");
  const Box box = fill.fill->source_box(record);
  EXPECT_GE(box.top, 0);
  EXPECT_GE(box.left, 0);
  EXPECT_GT(box.height, 0);
  EXPECT_GT(box.width, 0);
  EXPECT_LE(box.top + box.height, kSize);
  EXPECT_LE(box.left + box.width, kSize);
}

TEST_P(OperationContractTest, ItsTimeGoesUnderAHeadOfOperations) {
  EXPECT_THAT(GetParam().work,
              ::testing::AnyOf(Work::kCrop, Work::kColor, Work::kBlur, Work::kOther));
}

TEST_P(OperationContractTest, DrawsDoNotDependOnOtherOperations) {
  const v1::Policy everything = Everything();
  v1::Policy alone;
  alone.set_size(kSize);
  // Only this operation's own field.
  const std::string name(GetParam().name);
  const auto* field = v1::Policy::descriptor()->FindFieldByName(name);
  alone.GetReflection()
      ->MutableMessage(&alone, field)
      ->CopyFrom(everything.GetReflection()->GetMessage(everything, field));
  for (uint64_t id = 0; id < 50; ++id) {
    const v1::ViewRecord with_others = SampleView(everything, {kSeed, 2, id, 1}, 50, 60);
    const v1::ViewRecord by_itself = SampleView(alone, {kSeed, 2, id, 1}, 50, 60);
    EXPECT_EQ(Words(GetParam(), everything, with_others), Words(GetParam(), everything, by_itself));
    for (const DescriptorGroup& group : GetParam().groups) {
      if (group.name == "crop") continue;  // its centre follows the flips
      std::vector<float> a(group.size), b(group.size);
      group.describe(everything, with_others, a.data());
      group.describe(everything, by_itself, b.data());
      EXPECT_EQ(a, b) << group.name;
    }
  }
}

TEST_P(OperationContractTest, AppliedSaysWhetherPixelsChange) {
  const v1::Policy policy = Everything();
  const RgbImage source = NoiseImage(kSize, kSize);
  EXPECT_FALSE(GetParam().applied(PlainRecord()));
  int applied = 0;
  for (uint64_t id = 0; id < 40; ++id) {
    v1::ViewRecord record = PlainRecord();
    Philox random(StreamKey{kSeed, GetParam().domain, id, 0, 0});
    GetParam().sample(policy, random, &record);
    RgbImage view;
    ASSERT_OK(ApplyView(source, &record, &view));
    EXPECT_EQ(GetParam().applied(record), view != source) << record.ShortDebugString();
    applied += GetParam().applied(record);
  }
  EXPECT_GT(applied, 5);
}

TEST_P(OperationContractTest, RelativeToItselfAViewDiffersByNothing) {
  const v1::Policy policy = Everything();
  for (uint64_t id = 0; id < 20; ++id) {
    const v1::ViewRecord record = SampleView(policy, {kSeed, 0, id, 0}, 50, 60);
    for (const DescriptorGroup& group : GetParam().groups) {
      if (group.relative == nullptr) continue;  // a difference then
      std::vector<float> values(group.size, -1.0f);
      group.relative({policy, record, policy, record}, values.data());
      // Switches have 1 for "both agree".
      const bool is_switch =
          group.name == "flip" || group.name == "vertical_flip" || group.name == "grayscale";
      EXPECT_EQ(values, std::vector<float>(group.size, is_switch ? 1.0f : 0.0f)) << group.name;
    }
  }
}

TEST_P(OperationContractTest, AppliedOperationsShowInCaptionAndDescriptor) {
  const v1::Policy policy = Everything();
  std::set<std::string> captions;
  std::set<std::vector<float>> descriptors;
  for (uint64_t id = 0; id < 50; ++id) {
    const v1::ViewRecord record = SampleView(policy, {kSeed, 0, id, 0}, 50 + id, 60);
    captions.insert(Words(GetParam(), policy, record));
    EXPECT_EQ(GetParam().captions(policy, record).size(),
              GetParam().captions(policy, PlainRecord()).size());
    std::vector<float> all;
    for (const DescriptorGroup& group : GetParam().groups) {
      std::vector<float> values(group.size);
      group.describe(policy, record, values.data());
      all.insert(all.end(), values.begin(), values.end());
    }
    descriptors.insert(all);
  }
  EXPECT_GE(captions.size(), 2u);
  EXPECT_GE(descriptors.size(), 2u);
}

INSTANTIATE_TEST_SUITE_P(All, OperationContractTest, ::testing::ValuesIn(Operations()),
                         [](const ::testing::TestParamInfo<Operation>& info) {
                           return std::string(info.param.name);
                         });

TEST(SampleViewTest, EveryPartOfTheKeyMatters) {
  const v1::Policy policy = EverythingPolicy("");
  const auto crop = [&](const ViewKey& key) {
    return SampleView(policy, key, 500, 600).crop().SerializeAsString();
  };
  const ViewKey key = {kSeed, 1, 2, 3};
  EXPECT_EQ(crop(key), crop(key));
  EXPECT_NE(crop(key), crop({kSeed + 1, 1, 2, 3}));
  EXPECT_NE(crop(key), crop({kSeed, 2, 2, 3}));
  EXPECT_NE(crop(key), crop({kSeed, 1, 3, 3}));
  EXPECT_NE(crop(key), crop({kSeed, 1, 2, 4}));
}

TEST(SampleViewTest, OperationsComeWithTheirProbabilityAndInTheirRange) {
  ASSERT_OK_AND_ASSIGN(const v1::Policy policy, LoadPolicy("imagenet"));
  constexpr int kDraws = 20000;
  int flips = 0, jitters = 0, grays = 0, blurs = 0, hue_first = 0;
  for (uint64_t id = 0; id < kDraws; ++id) {
    const v1::ViewRecord record = SampleView(policy, {kSeed, 0, id, 0}, 300, 400);
    flips += record.flipped();
    grays += record.grayscale();
    blurs += record.has_blur();
    if (record.has_blur()) {
      EXPECT_GE(record.blur().sigma_px(), 0.1f);
      EXPECT_LE(record.blur().sigma_px(), 2.0f);
      EXPECT_EQ(record.blur().kernel_px(), 23u);
    }
    if (!record.has_color_jitter()) continue;
    ++jitters;
    const v1::ColorJitterParameters& jitter = record.color_jitter();
    for (float factor : {jitter.brightness(), jitter.contrast(), jitter.saturation()}) {
      EXPECT_GE(factor, 0.6f);
      EXPECT_LE(factor, 1.4f);
    }
    EXPECT_LE(std::abs(jitter.hue()), 0.1f);
    EXPECT_EQ(std::set<int>(jitter.order().begin(), jitter.order().end()).size(), 4u);
    hue_first += jitter.order(0) == v1::HUE;
  }
  // Five standard deviations of a fraction of 20,000 draws: 5 * sqrt(.25 / 20000) = 0.018.
  EXPECT_NEAR(flips / 1.0 / kDraws, 0.5, 0.018);
  EXPECT_NEAR(jitters / 1.0 / kDraws, 0.8, 0.018);
  EXPECT_NEAR(grays / 1.0 / kDraws, 0.2, 0.018);
  EXPECT_NEAR(blurs / 1.0 / kDraws, 0.5, 0.018);
  EXPECT_NEAR(hue_first / 1.0 / jitters, 0.25, 0.018);
}

}  // namespace
}  // namespace cassle
