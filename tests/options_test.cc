// What must hold of the settings of every stage: of a message that people write, everything is
// declared in the .proto file and the harness believes it.
#include "cassle/stage/options.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <cmath>
#include <fstream>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cassle/augment/augment_and_record_options.pb.h"
#include "cassle/augment/replay_options.pb.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/data/shard_cat_options.pb.h"
#include "cassle/data/shard_encoder_options.pb.h"
#include "cassle/eval/curves/learning_curves_options.pb.h"
#include "cassle/eval/on_embeddings/few_shot_options.pb.h"
#include "cassle/eval/on_embeddings/knn_options.pb.h"
#include "cassle/eval/on_embeddings/linear_probe_options.pb.h"
#include "cassle/eval/on_embeddings/project_options.pb.h"
#include "cassle/eval/on_embeddings/regression_options.pb.h"
#include "cassle/eval/on_embeddings/retrieval_options.pb.h"
#include "cassle/eval/on_embeddings/sgd_probe_options.pb.h"
#include "cassle/eval/on_embeddings/spectrum_options.pb.h"
#include "cassle/eval/on_images/changed_views_options.pb.h"
#include "cassle/eval/on_images/embed_options.pb.h"
#include "cassle/eval/on_images/predict_options.pb.h"
#include "cassle/eval/on_images/similar_options.pb.h"
#include "cassle/eval/reporting/report_options.pb.h"
#include "cassle/models/export_weights_options.pb.h"
#include "cassle/models/import_weights_options.pb.h"
#include "cassle/ssl/fine_tune_options.pb.h"
#include "cassle/ssl/pretrain_options.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using ::testing::HasSubstr;
using ::testing::Not;

// A line for each stage; a test compares it with STAGES.
std::vector<const Descriptor*> OptionsOfStages() {
  return {
      v1::AugmentAndRecordOptions::descriptor(),
      v1::EmbedOptions::descriptor(),
      v1::EquivarianceOptions::descriptor(),
      v1::ExportWeightsOptions::descriptor(),
      v1::FewShotOptions::descriptor(),
      v1::FineTuneOptions::descriptor(),
      v1::ImportWeightsOptions::descriptor(),
      v1::InterpolationOptions::descriptor(),
      v1::InvarianceOptions::descriptor(),
      v1::KnnOptions::descriptor(),
      v1::LearningCurvesOptions::descriptor(),
      v1::LinearProbeOptions::descriptor(),
      v1::PredictAugmentationOptions::descriptor(),
      v1::PredictOptions::descriptor(),
      v1::SimilarOptions::descriptor(),
      v1::PretrainOptions::descriptor(),
      v1::ProjectOptions::descriptor(),
      v1::RegressionOptions::descriptor(),
      v1::ReplayOptions::descriptor(),
      v1::ReportOptions::descriptor(),
      v1::RetrievalOptions::descriptor(),
      v1::SgdProbeOptions::descriptor(),
      v1::ShardCatOptions::descriptor(),
      v1::ShardEncoderOptions::descriptor(),
      v1::SpectrumOptions::descriptor(),
  };
}

void Collect(const Descriptor* type, std::set<const Descriptor*>* found) {
  if (!found->insert(type).second) return;
  for (int i = 0; i < type->field_count(); ++i) {
    if (const Descriptor* inside = type->field(i)->message_type()) Collect(inside, found);
  }
}

// The options and all messages inside them, each once.
std::set<const Descriptor*> AllMessages() {
  std::set<const Descriptor*> found;
  for (const Descriptor* type : OptionsOfStages()) Collect(type, &found);
  return found;
}

std::vector<const FieldDescriptor*> AllFields() {
  std::vector<const FieldDescriptor*> fields;
  for (const Descriptor* type : AllMessages()) {
    for (int i = 0; i < type->field_count(); ++i) fields.push_back(type->field(i));
  }
  return fields;
}

bool HasBounds(const FieldDescriptor& field) {
  const auto& options = field.options();
  return options.HasExtension(v1::at_least) || options.HasExtension(v1::above) ||
         options.HasExtension(v1::at_most) || options.HasExtension(v1::below);
}

bool IsNumber(const FieldDescriptor& field) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
    case FieldDescriptor::CPPTYPE_INT64:
    case FieldDescriptor::CPPTYPE_UINT32:
    case FieldDescriptor::CPPTYPE_UINT64:
    case FieldDescriptor::CPPTYPE_FLOAT:
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return true;
    default:
      return false;
  }
}

// The message of "few-shot" is FewShotOptions.
TEST(OptionsTest, TheListAboveIsThatOfTheStages) {
  std::set<std::string> named, listed;
  std::ifstream stages("tests/stages.txt");
  for (std::string stage; std::getline(stages, stage);) {
    std::string name;
    for (const absl::string_view word : absl::StrSplit(stage, '-')) {
      absl::StrAppend(&name, absl::AsciiStrToUpper(word.substr(0, 1)), word.substr(1));
    }
    named.insert(name + "Options");
  }
  for (const Descriptor* type : OptionsOfStages()) listed.insert(type->name());
  EXPECT_EQ(listed, named);
}

TEST(OptionsTest, EveryFieldHasHelp) {
  for (const FieldDescriptor* field : AllFields()) {
    // One of several messages, chosen by its name; what is in it has help.
    if (field->real_containing_oneof() != nullptr) continue;
    EXPECT_NE(field->options().GetExtension(v1::help), "") << field->full_name();
  }
}

TEST(OptionsTest, HelpDoesNotSayADefaultOrARangeThatAnAnnotationSays) {
  for (const FieldDescriptor* field : AllFields()) {
    const std::string& help = field->options().GetExtension(v1::help);
    if (field->options().HasExtension(v1::default_value)) {
      EXPECT_THAT(help, Not(HasSubstr("efault:"))) << field->full_name();
    }
    if (!HasBounds(*field)) continue;
    for (const char* range : {" or more.", " in (0", " in [0", ", above "}) {
      EXPECT_THAT(help, Not(HasSubstr(range))) << field->full_name();
    }
  }
}

TEST(OptionsTest, EveryValueOfAnEnumHasHelp) {
  for (const FieldDescriptor* field : AllFields()) {
    const EnumDescriptor* type = field->enum_type();
    for (int i = 0; type != nullptr && i < type->value_count(); ++i) {
      const std::string& name = type->value(i)->name();
      const bool none = name.find("_UNSPECIFIED") != std::string::npos;
      EXPECT_EQ(type->value(i)->options().GetExtension(v1::value_help).empty(), none)
          << type->full_name() << "." << name;
    }
  }
}

TEST(OptionsTest, EveryDefaultParsesTakesEffectAndLiesInItsRange) {
  for (const Descriptor* type : AllMessages()) {
    const std::unique_ptr<Message> message(
        google::protobuf::MessageFactory::generated_factory()->GetPrototype(type)->New());
    EXPECT_OK(ApplyDefaults(message.get()));
    EXPECT_OK(CheckRanges(*message, type->name() + "."));
    for (int i = 0; i < type->field_count(); ++i) {
      const FieldDescriptor& field = *type->field(i);
      if (!field.options().HasExtension(v1::default_value)) continue;
      EXPECT_FALSE(field.is_repeated()) << field.full_name();
      // Without presence of its own a 0 cannot be told from nothing.
      EXPECT_TRUE(message->GetReflection()->HasField(*message, &field))
          << field.full_name() << " has a default that is no value: is it optional?";
    }
  }
}

TEST(OptionsTest, RangesBelongToNumbersAndAreNotEmpty) {
  for (const FieldDescriptor* field : AllFields()) {
    const auto& options = field->options();
    if (options.GetExtension(v1::ascending)) {
      EXPECT_TRUE(field->is_repeated() && HasBounds(*field)) << field->full_name();
    }
    if (!HasBounds(*field)) continue;
    EXPECT_TRUE(IsNumber(*field)) << field->full_name();
    EXPECT_FALSE(options.HasExtension(v1::at_least) && options.HasExtension(v1::above))
        << field->full_name();
    EXPECT_FALSE(options.HasExtension(v1::at_most) && options.HasExtension(v1::below))
        << field->full_name();
    const double low = options.HasExtension(v1::at_least) ? options.GetExtension(v1::at_least)
                       : options.HasExtension(v1::above)  ? options.GetExtension(v1::above)
                                                          : -HUGE_VAL;
    const double high = options.HasExtension(v1::at_most) ? options.GetExtension(v1::at_most)
                        : options.HasExtension(v1::below) ? options.GetExtension(v1::below)
                                                          : HUGE_VAL;
    EXPECT_LT(low, high) << field->full_name();
  }
}

}  // namespace
}  // namespace cassle
