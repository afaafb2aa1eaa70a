#include "cassle/stage/options.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <google/protobuf/text_format.h>

#include <cmath>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "cassle/base/status_macros.h"
#include "cassle/base/text_proto.h"
#include "cassle/stage/options.pb.h"

namespace cassle {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::OneofDescriptor;
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

// A line for each value of an enum that says what it means.
std::string ValuesHelp(const FieldDescriptor& field) {
  std::string text;
  const EnumDescriptor* type = field.enum_type();
  for (int i = 0; type != nullptr && i < type->value_count(); ++i) {
    const std::string& help = type->value(i)->options().GetExtension(v1::value_help);
    if (help.empty()) continue;
    absl::StrAppend(&text, "      ", absl::AsciiStrToLower(type->value(i)->name()), ": ", help,
                    "\n");
  }
  return text;
}

std::string TypeName(const FieldDescriptor& field);

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

// What one word may choose in a message: the member of its oneof, else the value of its first
// field, unless that is a number: nobody could tell of which field.
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

// A word or a number.
bool IsWord(absl::string_view value) {
  for (char c : value) {
    if (!absl::ascii_isalnum(c) && !absl::StrContains("_.+-", c)) return false;
  }
  return !value.empty();
}

// What a value of a scalar field should have been.
std::string Expected(const FieldDescriptor& field) {
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

// The values of a scalar field in text format: of a repeated one each, else one.
std::vector<std::string> ValueTexts(const Message& message, const FieldDescriptor& field) {
  std::vector<std::string> texts(
      field.is_repeated() ? message.GetReflection()->FieldSize(message, &field) : 1);
  for (size_t i = 0; i < texts.size(); ++i) {
    google::protobuf::TextFormat::PrintFieldValueToString(
        message, &field, field.is_repeated() ? static_cast<int>(i) : -1, &texts[i]);
  }
  return texts;
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
  if (IsNumber(*type.field(0))) {
    std::vector<std::string> names;
    for (int i = 0; i < type.field_count(); ++i) names.push_back(type.field(i)->name());
    return absl::InvalidArgumentError(absl::StrCat("--", path, "=", word, ": name a field, as --",
                                                   path, ".", names[0], "=", word, "; there are ",
                                                   absl::StrJoin(names, ", ")));
  }
  const absl::Status status = OptionSetter(message).Set(type.field(0)->name(), word);
  if (status.ok()) return status;
  return absl::InvalidArgumentError(
      absl::StrCat("--", path, "=", word, ": expected ", WordChoices(type)));
}

}  // namespace

absl::Status OptionSetter::Choose(const OneofDescriptor& alternatives, const std::string& above,
                                  const std::string& member, const std::string& path) {
  const auto [at, fresh] =
      chosen_.try_emplace(absl::StrCat(above, alternatives.name()), std::make_pair(member, path));
  auto& [chosen, by] = at->second;
  if (!fresh && chosen != member && by != path) {
    return absl::InvalidArgumentError(absl::StrCat("--", path, " is of ", member, ", but --", by,
                                                   " chose ", chosen, ": give one of them"));
  }
  at->second = {member, path};
  return absl::OkStatus();
}

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
  std::string above;
  for (const std::string& name : names) {
    const FieldDescriptor* next = holder->GetDescriptor()->FindFieldByName(name);
    if (const OneofDescriptor* alternatives = next->real_containing_oneof()) {
      CASSLE_RETURN_IF_ERROR(Choose(*alternatives, above, name, path));
    }
    if (next == field) break;
    holder = holder->GetReflection()->MutableMessage(holder, next);
    absl::StrAppend(&above, name, ".");
  }
  if (IsMessage(*field) && !field->is_repeated() && IsWord(value)) {
    Message* message = holder->GetReflection()->MutableMessage(holder, field);
    CASSLE_RETURN_IF_ERROR(ChooseByWord(path, std::string(value), message));
    for (int i = 0; i < message->GetDescriptor()->real_oneof_decl_count(); ++i) {
      const OneofDescriptor& alternatives = *message->GetDescriptor()->oneof_decl(i);
      const FieldDescriptor* member =
          message->GetReflection()->GetOneofFieldDescriptor(*message, &alternatives);
      if (member == nullptr) continue;
      CASSLE_RETURN_IF_ERROR(
          Choose(alternatives, absl::StrCat(path, "."), std::string(member->name()), path));
    }
    return absl::OkStatus();
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
      absl::StrCat("--", path, "=", value, ": expected ", Expected(*field)));
}

absl::Status ApplyDefaults(Message* options) {
  const Descriptor& type = *options->GetDescriptor();
  const Reflection& reflection = *options->GetReflection();
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    if (IsMessage(field)) {
      if (field.is_repeated()) continue;
      const bool present = reflection.HasField(*options, &field);
      const bool chosen =
          field.real_containing_oneof() == nullptr && HasDefaults(*field.message_type());
      if (present || chosen) {
        CASSLE_RETURN_IF_ERROR(ApplyDefaults(reflection.MutableMessage(options, &field)));
      }
      continue;
    }
    const std::string& value = field.options().GetExtension(v1::default_value);
    if (value.empty() || IsSet(*options, field)) continue;
    const absl::Status set = OptionSetter(options).Set(field.name(), value);
    if (!set.ok()) {
      return absl::InternalError(absl::StrCat(field.full_name(), ": default ", set.message()));
    }
  }
  return absl::OkStatus();
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

namespace {

bool AreTwins(const FieldDescriptor& a, const FieldDescriptor& b) {
  return a.type() == b.type() && a.is_repeated() == b.is_repeated() &&
         a.message_type() == b.message_type() && a.enum_type() == b.enum_type();
}

}  // namespace

absl::Status CopyFieldsByName(const Message& from, const std::set<std::string>& without,
                              Message* to) {
  std::unique_ptr<Message> shared(from.New());
  shared->CopyFrom(from);
  const Descriptor& source = *from.GetDescriptor();
  const Descriptor& target = *to->GetDescriptor();
  for (int i = 0; i < target.field_count(); ++i) {
    const FieldDescriptor& field = *target.field(i);
    const FieldDescriptor* twin = source.FindFieldByName(field.name());
    const bool has_twin = twin != nullptr && AreTwins(field, *twin);
    if (has_twin == (without.count(field.name()) > 0)) {
      return absl::InternalError(absl::StrCat(field.full_name(), has_twin ? " has a" : " has no",
                                              " twin in ", source.full_name()));
    }
    if (has_twin) to->GetReflection()->ClearField(to, &field);
  }
  for (int i = 0; i < source.field_count(); ++i) {
    const FieldDescriptor* twin = target.FindFieldByName(source.field(i)->name());
    if (twin == nullptr || !AreTwins(*twin, *source.field(i))) {
      shared->GetReflection()->ClearField(shared.get(), source.field(i));
    }
  }
  // The text form knows fields by their names only, and gives every number back exactly.
  return ParseTextProto(PrintTextProto(*shared), target.full_name(), to);
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

namespace {

// The fields of a message that is given in text format only: of lists, which have no paths.
std::string FieldsHelp(const Descriptor& type, const std::string& indent) {
  std::string text;
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    absl::StrAppend(&text, indent, field.name(), IsMessage(field) ? " { }" : ": ",
                    IsMessage(field) ? "" : TypeName(field));
    const std::string& help = field.options().GetExtension(v1::help);
    absl::StrAppend(&text, help.empty() ? "" : "  ", help, "\n");
    if (IsMessage(field)) absl::StrAppend(&text, FieldsHelp(*field.message_type(), indent + "  "));
  }
  return text;
}

}  // namespace

std::string OptionsHelp(const Descriptor& options) {
  std::string text;
  for (const std::string& path : FieldPaths(options)) {
    const FieldDescriptor& field = *FindField(options, path);
    const std::string& help = field.options().GetExtension(v1::help);
    // A message is shown by its fields, unless it says something itself.
    if (IsMessage(field) && help.empty()) continue;
    absl::StrAppend(&text, "  --", path, "=", TypeName(field), "\n");
    if (!help.empty()) absl::StrAppend(&text, "      ", help, "\n");
    absl::StrAppend(&text, ValuesHelp(field));
    if (IsMessage(field) && field.is_repeated()) {
      absl::StrAppend(&text, FieldsHelp(*field.message_type(), "        "));
    }
    const std::string range = RangeText(field);
    if (!range.empty()) absl::StrAppend(&text, "      Range: ", range, "\n");
    const std::string& value = field.options().GetExtension(v1::default_value);
    if (!value.empty()) {
      absl::StrAppend(&text, "      Default: ", absl::AsciiStrToLower(value), "\n");
    }
  }
  return text;
}

}  // namespace cassle
