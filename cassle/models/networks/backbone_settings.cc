#include "cassle/models/networks/backbone_settings.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace cassle {

absl::Status RefuseOtherSettings(const v1::BackboneConfig& config,
                                 std::initializer_list<absl::string_view> understood) {
  std::vector<const google::protobuf::FieldDescriptor*> set;
  config.GetReflection()->ListFields(config, &set);
  for (const google::protobuf::FieldDescriptor* field : set) {
    if (field->name() == "architecture" ||
        std::find(understood.begin(), understood.end(), field->name()) != understood.end()) {
      continue;
    }
    return absl::InvalidArgumentError(
        absl::StrCat("--backbone.", field->name(), " has no meaning for ", config.architecture(),
                     ", which has ", absl::StrJoin(understood, ", "), "; leave it out"));
  }
  return absl::OkStatus();
}

}  // namespace cassle
