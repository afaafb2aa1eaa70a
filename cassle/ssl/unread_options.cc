#include "cassle/ssl/unread_options.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/text_format.h>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace cassle {
namespace {

// As on the command line.
std::string ValueText(const google::protobuf::Message& message,
                      const google::protobuf::FieldDescriptor* field) {
  using Field = google::protobuf::FieldDescriptor;
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  std::vector<std::string> values(field->is_repeated() ? reflection.FieldSize(message, field) : 1);
  for (size_t i = 0; i < values.size(); ++i) {
    const int index = field->is_repeated() ? static_cast<int>(i) : -1;
    if (field->cpp_type() == Field::CPPTYPE_STRING) {
      values[i] = field->is_repeated() ? reflection.GetRepeatedString(message, field, index)
                                       : reflection.GetString(message, field);
      continue;
    }
    google::protobuf::TextFormat::PrintFieldValueToString(message, field, index, &values[i]);
    if (field->cpp_type() == Field::CPPTYPE_ENUM) absl::AsciiStrToLower(&values[i]);
  }
  return absl::StrJoin(values, ",");
}

absl::Status NotRead(absl::string_view option, absl::string_view value, absl::string_view without) {
  return absl::InvalidArgumentError(absl::StrCat("--", option, "=", value, " is not read without ",
                                                 without, ": add that, or leave it out"));
}

}  // namespace

std::string ChosenNumber(double value, double usual) {
  return value == usual ? "" : absl::StrCat(value);
}

OptionUse UseOfMomentum(v1::OptimizerKind optimizer, double momentum, double usual) {
  const bool adam = optimizer == v1::ADAM || optimizer == v1::ADAMW;
  return {"momentum", ChosenNumber(momentum, usual), !adam, "--optimizer=sgd or lars"};
}

absl::Status CheckAreRead(const std::vector<OptionUse>& uses) {
  for (const OptionUse& use : uses) {
    if (use.chosen.empty() || use.is_read) continue;
    return NotRead(use.option, use.chosen, use.without);
  }
  return absl::OkStatus();
}

absl::Status CheckNoneIsChosen(absl::string_view name, const google::protobuf::Message& settings,
                               const google::protobuf::Message& usual, absl::string_view without) {
  const google::protobuf::Descriptor& type = *settings.GetDescriptor();
  for (int i = 0; i < type.field_count(); ++i) {
    const std::string value = ValueText(settings, type.field(i));
    if (value == ValueText(usual, type.field(i))) continue;
    return NotRead(absl::StrCat(name, ".", type.field(i)->name()), value, without);
  }
  return absl::OkStatus();
}

}  // namespace cassle
