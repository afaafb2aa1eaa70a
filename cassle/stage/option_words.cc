#include "cassle/stage/option_words.h"

#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace cassle {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;

bool IsNumber(const FieldDescriptor& field) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
    case FieldDescriptor::CPPTYPE_ENUM:
    case FieldDescriptor::CPPTYPE_BOOL:
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return false;
    default:
      return true;
  }
}

std::string EnumValues(const EnumDescriptor& type) {
  std::vector<std::string> names;
  for (int i = 0; i < type.value_count(); ++i) {
    // X_UNSPECIFIED = 0 is the absence of a value, not a choice.
    if (!absl::EndsWith(type.value(i)->name(), "_UNSPECIFIED")) {
      names.push_back(absl::AsciiStrToLower(type.value(i)->name()));
    }
  }
  return absl::StrJoin(names, "|");
}

std::string WordChoices(const Descriptor& type) {
  if (type.real_oneof_decl_count() > 0) {
    std::vector<std::string> names;
    for (int i = 0; i < type.oneof_decl(0)->field_count(); ++i) {
      names.push_back(type.oneof_decl(0)->field(i)->name());
    }
    return absl::StrJoin(names, "|");
  }
  return type.field_count() > 0 && !IsNumber(*type.field(0)) ? TypeName(*type.field(0))
                                                             : "'TEXT FORMAT'";
}

std::string TypeName(const FieldDescriptor& field) {
  std::string name;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      name = RoleOf(field) == v1::SETTING || RoleOf(field) == v1::TUNING ? "TEXT" : "PATH";
      break;
    case FieldDescriptor::CPPTYPE_ENUM:
      name = EnumValues(*field.enum_type());
      break;
    case FieldDescriptor::CPPTYPE_BOOL:
      name = "true|false";
      break;
    case FieldDescriptor::CPPTYPE_FLOAT:
    case FieldDescriptor::CPPTYPE_DOUBLE:
      name = "NUMBER";
      break;
    case FieldDescriptor::CPPTYPE_MESSAGE:
      name = field.is_repeated() ? "'TEXT FORMAT'" : WordChoices(*field.message_type());
      break;
    default:
      name = "COUNT";
  }
  return field.is_repeated() ? absl::StrCat(name, ",...") : name;
}

std::string ExpectedValue(const FieldDescriptor& field) {
  const bool several = field.is_repeated();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_FLOAT:
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return several ? "numbers, separated by commas" : "a number";
    case FieldDescriptor::CPPTYPE_INT32:
    case FieldDescriptor::CPPTYPE_INT64:
      return several ? "whole numbers, separated by commas" : "a whole number";
    case FieldDescriptor::CPPTYPE_UINT32:
    case FieldDescriptor::CPPTYPE_UINT64:
      return several ? "whole numbers from 0, separated by commas" : "a whole number from 0";
    default:
      return TypeName(field);
  }
}

}  // namespace cassle
