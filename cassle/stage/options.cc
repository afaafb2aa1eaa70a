#include "cassle/stage/options.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "cassle/base/status_macros.h"
#include "cassle/base/text_proto.h"
#include "cassle/stage/option_words.h"
#include "cassle/stage/options.pb.h"

namespace cassle {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::OneofDescriptor;
using google::protobuf::Reflection;

// A word or a number.
bool IsWord(absl::string_view value) {
  for (char c : value) {
    if (!absl::ascii_isalnum(c) && !absl::StrContains("_.+-", c)) return false;
  }
  return !value.empty();
}

// Without zeros in front, of which text format would make an octal number.
std::string WithoutLeadingZeros(absl::string_view number) {
  const bool negative = absl::ConsumePrefix(&number, "-");
  while (number.size() > 1 && number[0] == '0' && absl::ascii_isdigit(number[1])) {
    number.remove_prefix(1);
  }
  return absl::StrCat(negative ? "-" : "", number);
}

// One value of a scalar field in text format: strings quoted, enum names as declared, numbers
// decimal.
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
  // What else stands there could be text of further fields.
  const absl::string_view word = absl::StripAsciiWhitespace(value);
  if (!IsWord(word)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--", path, "=", value, ": expected ", ExpectedValue(field)));
  }
  return WithoutLeadingZeros(word);
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

// Calls visit(field, name with its prefix, path) for every path of this role that is set, in field
// order.
template <typename Visit>
void ForEachPath(const Message& options, v1::FieldRole role, const std::string& prefix,
                 const Visit& visit) {
  const Descriptor& type = *options.GetDescriptor();
  const Reflection& reflection = *options.GetReflection();
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    const std::string name = absl::StrCat(prefix, field.name());
    if (RoleOf(field) == role) {
      if (field.is_repeated()) {
        for (int k = 0; k < reflection.FieldSize(options, &field); ++k) {
          visit(field, name, reflection.GetRepeatedString(options, &field, k));
        }
      } else if (!reflection.GetString(options, &field).empty()) {
        visit(field, name, reflection.GetString(options, &field));
      }
    } else if (IsMessage(field) && !field.is_repeated() && reflection.HasField(options, &field)) {
      ForEachPath(reflection.GetMessage(options, &field), role, absl::StrCat(name, "."), visit);
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
    if (field->is_repeated()) {
      parts = absl::StrSplit(value, ',');
      // The empty list.
      if (value.empty()) parts.clear();
    }
    for (absl::string_view part : parts) {
      if (field->is_repeated() && part.empty()) {
        return absl::InvalidArgumentError(absl::StrCat(
            "--", path, "=", value, ": nothing stands between two commas, or at an end"));
      }
      CASSLE_ASSIGN_OR_RETURN(std::string scalar, ScalarText(*field, path, part));
      absl::StrAppend(&text, field->name(), ": ", scalar, "\n");
    }
  }
  const absl::Status status = ParseTextProto(text, absl::StrCat("--", path), holder);
  if (status.ok() || IsMessage(*field)) return status;
  return absl::InvalidArgumentError(
      absl::StrCat("--", path, "=", value, ": expected ", ExpectedValue(*field)));
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
  ForEachPath(options, role, "", [&](const FieldDescriptor&, std::string name, std::string path) {
    paths.emplace_back(std::move(name), std::move(path));
  });
  return paths;
}

absl::Status CheckStreams(const Message& options) {
  absl::Status status;
  ForEachPath(options, v1::INPUT, "",
              [&](const FieldDescriptor& field, const std::string& name, const std::string& path) {
                if (path != "-" || field.options().GetExtension(v1::stream)) return;
                status.Update(absl::InvalidArgumentError(absl::StrCat(
                    "--", name, "=-: what it names is not read from a stream; name a path")));
              });
  return status;
}

}  // namespace cassle
