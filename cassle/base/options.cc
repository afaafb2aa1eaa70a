#include "cassle/base/options.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "cassle/base/options.pb.h"
#include "cassle/base/status_macros.h"
#include "cassle/base/text_proto.h"

namespace cassle {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

bool IsMessage(const FieldDescriptor& field) {
  return field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
}

v1::FieldRole RoleOf(const FieldDescriptor& field) {
  return field.options().GetExtension(v1::role);
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

std::string TypeName(const FieldDescriptor& field);

// What one word may choose in a message: the member of its oneof, else the value of its first
// field.
std::string WordChoices(const Descriptor& type) {
  if (type.real_oneof_decl_count() > 0) {
    std::vector<std::string> names;
    for (int i = 0; i < type.oneof_decl(0)->field_count(); ++i) {
      names.push_back(type.oneof_decl(0)->field(i)->name());
    }
    return absl::StrJoin(names, "|");
  }
  return type.field_count() > 0 ? TypeName(*type.field(0)) : "'TEXT FORMAT'";
}

bool IsWord(absl::string_view value) {
  for (char c : value) {
    if (!absl::ascii_isalnum(c) && c != '_') return false;
  }
  return !value.empty();
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

// One value of a scalar field in text format: strings quoted, enum names as declared.
absl::StatusOr<std::string> ScalarText(const FieldDescriptor& field, const std::string& path,
                                       absl::string_view value) {
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
    return absl::StrCat("\"", absl::CEscape(value), "\"");
  }
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_ENUM) {
    const std::string upper = absl::AsciiStrToUpper(value);
    if (field.enum_type()->FindValueByName(upper) == nullptr) {
      return absl::InvalidArgumentError(absl::StrCat("--", path, "=", value, ": expected one of ",
                                                     EnumValues(*field.enum_type())));
    }
    return upper;
  }
  return std::string(value);
}

bool HasDefaults(const Descriptor& type) {
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    if (field.options().HasExtension(v1::default_value)) return true;
    if (IsMessage(field) && !field.is_repeated() && field.real_containing_oneof() == nullptr &&
        HasDefaults(*field.message_type())) {
      return true;
    }
  }
  return false;
}

// Whether a singular or repeated field carries a value of its own.
bool IsSet(const Message& message, const FieldDescriptor& field) {
  const Reflection& reflection = *message.GetReflection();
  return field.is_repeated() ? reflection.FieldSize(message, &field) > 0
                             : reflection.HasField(message, &field);
}

void ClearNonSettings(Message* message) {
  const Descriptor& type = *message->GetDescriptor();
  const Reflection& reflection = *message->GetReflection();
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    if (RoleOf(field) != v1::SETTING) {
      reflection.ClearField(message, &field);
    } else if (IsMessage(field) && !field.is_repeated() && reflection.HasField(*message, &field)) {
      ClearNonSettings(reflection.MutableMessage(message, &field));
    }
  }
}

void CollectPaths(const Descriptor& type, const std::string& prefix,
                  std::vector<std::string>* paths) {
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    const std::string path = absl::StrCat(prefix, field.name());
    paths->push_back(path);
    if (IsMessage(field) && !field.is_repeated()) {
      CollectPaths(*field.message_type(), path + ".", paths);
    }
  }
}

}  // namespace

const FieldDescriptor* FindField(const Descriptor& options, absl::string_view path) {
  const Descriptor* type = &options;
  const FieldDescriptor* field = nullptr;
  for (absl::string_view name : absl::StrSplit(path, '.')) {
    if (type == nullptr) return nullptr;
    field = type->FindFieldByName(std::string(name));
    if (field == nullptr) return nullptr;
    type = field->is_repeated() ? nullptr : field->message_type();
  }
  return field;
}

std::vector<std::string> FieldPaths(const Descriptor& options) {
  std::vector<std::string> paths;
  CollectPaths(options, "", &paths);
  return paths;
}

namespace {

// --method=moco_v2, --conditioning=mlp: keeps what else the message holds.
absl::Status ChooseByWord(const std::string& path, const std::string& word, Message* message) {
  const Descriptor& type = *message->GetDescriptor();
  if (type.real_oneof_decl_count() > 0) {
    const FieldDescriptor* member = type.FindFieldByName(word);
    if (member == nullptr || member->containing_oneof() != type.oneof_decl(0) ||
        !IsMessage(*member)) {
      return absl::InvalidArgumentError(
          absl::StrCat("--", path, "=", word, ": expected one of ", WordChoices(type)));
    }
    message->GetReflection()->MutableMessage(message, member);
    return absl::OkStatus();
  }
  if (type.field_count() == 0) {
    return absl::InvalidArgumentError(absl::StrCat("--", path, "=", word, ": has no settings"));
  }
  const absl::Status status = OptionSetter(message).Set(type.field(0)->name(), word);
  if (status.ok()) return status;
  return absl::InvalidArgumentError(
      absl::StrCat("--", path, "=", word, ": expected ", WordChoices(type)));
}

}  // namespace

absl::Status OptionSetter::Set(absl::string_view path_view, absl::string_view value) {
  const std::string path(path_view);
  const FieldDescriptor* field = FindField(*options_->GetDescriptor(), path);
  if (field == nullptr) {
    const std::string nearest = NearestWord(path, FieldPaths(*options_->GetDescriptor()));
    return absl::InvalidArgumentError(absl::StrCat(
        "unknown setting ", path,
        nearest.empty() ? "; --help lists all" : absl::StrCat("; did you mean ", nearest, "?")));
  }
  // The message that holds the field, created on the way.
  Message* holder = options_;
  const std::vector<std::string> names = absl::StrSplit(path, '.');
  for (size_t i = 0; i + 1 < names.size(); ++i) {
    holder = holder->GetReflection()->MutableMessage(
        holder, holder->GetDescriptor()->FindFieldByName(names[i]));
  }
  if (IsMessage(*field) && !field->is_repeated() && IsWord(value)) {
    return ChooseByWord(path, std::string(value),
                        holder->GetReflection()->MutableMessage(holder, field));
  }
  if (!field->is_repeated() || replaced_.insert(path).second) {
    holder->GetReflection()->ClearField(holder, field);
  }
  std::string text;
  if (IsMessage(*field)) {
    text = absl::StrCat(field->name(), " { ", value, " }");
  } else {
    std::vector<absl::string_view> parts = {value};
    if (field->is_repeated()) parts = absl::StrSplit(value, ',', absl::SkipEmpty());
    for (absl::string_view part : parts) {
      CASSLE_ASSIGN_OR_RETURN(std::string scalar, ScalarText(*field, path, part));
      absl::StrAppend(&text, field->name(), ": ", scalar, "\n");
    }
  }
  const absl::Status status = ParseTextProto(text, absl::StrCat("--", path), holder);
  if (status.ok() || IsMessage(*field)) return status;
  return absl::InvalidArgumentError(
      absl::StrCat("--", path, "=", value, ": expected ", TypeName(*field)));
}

void ApplyDefaults(Message* options) {
  const Descriptor& type = *options->GetDescriptor();
  const Reflection& reflection = *options->GetReflection();
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    if (IsMessage(field)) {
      if (field.is_repeated()) continue;
      const bool present = reflection.HasField(*options, &field);
      const bool chosen =
          field.real_containing_oneof() == nullptr && HasDefaults(*field.message_type());
      if (present || chosen) ApplyDefaults(reflection.MutableMessage(options, &field));
      continue;
    }
    const std::string& value = field.options().GetExtension(v1::default_value);
    if (value.empty() || IsSet(*options, field)) continue;
    // A wrong default is a mistake in the .proto file; the contract test of options finds it.
    OptionSetter(options).Set(field.name(), value).IgnoreError();
  }
}

std::string CanonicalOptions(const Message& options) {
  std::unique_ptr<Message> copy(options.New());
  copy->CopyFrom(options);
  ClearNonSettings(copy.get());
  return PrintTextProto(*copy);
}

std::vector<std::pair<std::string, std::string>> PathsOfRole(const Message& options,
                                                             v1::FieldRole role) {
  std::vector<std::pair<std::string, std::string>> paths;
  const Descriptor& type = *options.GetDescriptor();
  const Reflection& reflection = *options.GetReflection();
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    if (RoleOf(field) == role) {
      if (field.is_repeated()) {
        for (int k = 0; k < reflection.FieldSize(options, &field); ++k) {
          paths.emplace_back(field.name(), reflection.GetRepeatedString(options, &field, k));
        }
      } else if (!reflection.GetString(options, &field).empty()) {
        paths.emplace_back(field.name(), reflection.GetString(options, &field));
      }
    } else if (IsMessage(field) && !field.is_repeated() && reflection.HasField(options, &field)) {
      for (auto& [name, path] : PathsOfRole(reflection.GetMessage(options, &field), role)) {
        paths.emplace_back(absl::StrCat(field.name(), ".", name), path);
      }
    }
  }
  return paths;
}

std::string OptionsHelp(const Descriptor& options) {
  std::string text;
  for (const std::string& path : FieldPaths(options)) {
    const FieldDescriptor& field = *FindField(options, path);
    const std::string& help = field.options().GetExtension(v1::help);
    // A message is shown by its fields, unless it says something itself.
    if (IsMessage(field) && help.empty()) continue;
    absl::StrAppend(&text, "  --", path, "=", TypeName(field), "\n");
    const std::string& value = field.options().GetExtension(v1::default_value);
    if (!help.empty()) absl::StrAppend(&text, "      ", help, "\n");
    if (!value.empty())
      absl::StrAppend(&text, "      Default: ", absl::AsciiStrToLower(value), "\n");
  }
  return text;
}

}  // namespace cassle
