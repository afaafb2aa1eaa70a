#include "cassle/ssl/unread_options.h"

#include <google/protobuf/descriptor.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cassle/stage/options.h"

namespace cassle {
namespace {

std::string ValueText(const google::protobuf::Message& message,
                      const google::protobuf::FieldDescriptor& field) {
  return absl::StrJoin(ValueTexts(message, field), ",");
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
    const std::string value = ValueText(settings, *type.field(i));
    if (value == ValueText(usual, *type.field(i))) continue;
    return NotRead(absl::StrCat(name, ".", type.field(i)->name()), value, without);
  }
  return absl::OkStatus();
}

}  // namespace cassle
