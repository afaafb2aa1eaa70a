// The options of a stage as --help shows them.
#include <google/protobuf/descriptor.h>

#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "cassle/stage/option_words.h"
#include "cassle/stage/options.h"
#include "cassle/stage/options.pb.h"

namespace cassle {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;

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
