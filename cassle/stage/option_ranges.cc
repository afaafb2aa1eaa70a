// Ranges of options: their annotations, checked and in words.
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <google/protobuf/text_format.h>

#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cassle/base/status_macros.h"
#include "cassle/stage/option_words.h"
#include "cassle/stage/options.h"
#include "cassle/stage/options.pb.h"

namespace cassle {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

// One end of a range.
struct Bound {
  const char* words;
  const decltype(v1::at_least)& annotation;
  bool (*holds)(double value, double bound);
};
const Bound kBounds[] = {
    {"at least ", v1::at_least, [](double value, double bound) { return value >= bound; }},
    {"above ", v1::above, [](double value, double bound) { return value > bound; }},
    {"at most ", v1::at_most, [](double value, double bound) { return value <= bound; }},
    {"below ", v1::below, [](double value, double bound) { return value < bound; }},
};

bool IsInside(double value, const FieldDescriptor& field) {
  if (!std::isfinite(value)) return false;
  for (const Bound& bound : kBounds) {
    if (field.options().HasExtension(bound.annotation) &&
        !bound.holds(value, field.options().GetExtension(bound.annotation))) {
      return false;
    }
  }
  return true;
}

absl::Status CheckRange(const Message& message, const FieldDescriptor& field,
                        absl::string_view prefix) {
  const std::string range = RangeText(field);
  if (range.empty()) return absl::OkStatus();
  const std::vector<std::string> texts = ValueTexts(message, field);
  const bool ascending = field.options().GetExtension(v1::ascending);
  bool good = true;
  double before = -HUGE_VAL;
  for (const std::string& text : texts) {
    double value = 0;
    good = good && absl::SimpleAtod(text, &value) && IsInside(value, field) &&
           !(ascending && value <= before);
    before = value;
  }
  if (good) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("--", prefix, field.name(), "=",
                                                 absl::StrJoin(texts, ","), ": expected ", range));
}

}  // namespace

std::vector<std::string> ValueTexts(const Message& message, const FieldDescriptor& field) {
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  std::vector<std::string> texts(field.is_repeated() ? reflection.FieldSize(message, &field) : 1);
  for (size_t i = 0; i < texts.size(); ++i) {
    const int index = field.is_repeated() ? static_cast<int>(i) : -1;
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
      texts[i] = field.is_repeated() ? reflection.GetRepeatedString(message, &field, index)
                                     : reflection.GetString(message, &field);
      continue;
    }
    google::protobuf::TextFormat::PrintFieldValueToString(message, &field, index, &texts[i]);
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_ENUM) absl::AsciiStrToLower(&texts[i]);
  }
  return texts;
}

std::string RangeText(const FieldDescriptor& field) {
  const auto& annotations = field.options();
  std::string range;
  if (annotations.HasExtension(v1::at_least) && annotations.HasExtension(v1::at_most)) {
    range = absl::StrCat(annotations.GetExtension(v1::at_least), " to ",
                         annotations.GetExtension(v1::at_most));
  } else {
    for (const Bound& bound : kBounds) {
      if (!annotations.HasExtension(bound.annotation)) continue;
      absl::StrAppend(&range, range.empty() ? "" : " and ", bound.words,
                      annotations.GetExtension(bound.annotation));
    }
  }
  if (range.empty()) return range;
  if (!field.is_repeated()) {
    // Of such a field 0 is what is not set.
    const bool unset_outside = !field.has_presence() && !IsInside(0, field);
    return absl::StrCat(range, unset_outside ? ", or 0" : "");
  }
  return absl::StrCat(
      annotations.GetExtension(v1::ascending) ? "ascending values, each " : "values, each ", range);
}

absl::Status CheckRanges(const Message& options, absl::string_view prefix) {
  const Reflection& reflection = *options.GetReflection();
  std::vector<const FieldDescriptor*> set;
  reflection.ListFields(options, &set);
  for (const FieldDescriptor* field : set) {
    if (!IsMessage(*field)) {
      CASSLE_RETURN_IF_ERROR(CheckRange(options, *field, prefix));
    } else if (!field->is_repeated()) {
      CASSLE_RETURN_IF_ERROR(CheckRanges(reflection.GetMessage(options, field),
                                         absl::StrCat(prefix, field->name(), ".")));
    } else {
      for (int i = 0; i < reflection.FieldSize(options, field); ++i) {
        CASSLE_RETURN_IF_ERROR(CheckRanges(reflection.GetRepeatedMessage(options, field, i),
                                           absl::StrCat(prefix, field->name(), "[", i, "].")));
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace cassle
