#include "cassle/stage/option_help.h"

#include <google/protobuf/descriptor.h>

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

std::vector<std::pair<std::string, std::string>> ValuesOf(const FieldDescriptor& field) {
  std::vector<std::pair<std::string, std::string>> values;
  const EnumDescriptor* type = field.enum_type();
  for (int i = 0; type != nullptr && i < type->value_count(); ++i) {
    const std::string& help = type->value(i)->options().GetExtension(v1::value_help);
    if (!help.empty()) values.emplace_back(absl::AsciiStrToLower(type->value(i)->name()), help);
  }
  return values;
}

void DescribeFields(const Descriptor& type, const std::string& indent,
                    std::vector<std::string>* lines) {
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    const std::string& help = field.options().GetExtension(v1::help);
    lines->push_back(absl::StrCat(indent, field.name(), IsMessage(field) ? " { }" : ": ",
                                  IsMessage(field) ? "" : TypeName(field), help.empty() ? "" : "  ",
                                  help));
    if (IsMessage(field)) DescribeFields(*field.message_type(), indent + "  ", lines);
  }
}

}  // namespace

std::vector<OptionHelp> DescribeOptions(const Descriptor& options) {
  std::vector<OptionHelp> described;
  for (const std::string& path : FieldPaths(options)) {
    const FieldDescriptor& field = *FindField(options, path);
    OptionHelp option;
    option.name = path;
    option.help = field.options().GetExtension(v1::help);
    if (IsMessage(field) && option.help.empty()) continue;
    option.type = TypeName(field);
    option.values = ValuesOf(field);
    if (IsMessage(field) && field.is_repeated()) {
      DescribeFields(*field.message_type(), "", &option.fields);
    }
    option.range = RangeText(field);
    option.default_value = absl::AsciiStrToLower(field.options().GetExtension(v1::default_value));
    described.push_back(std::move(option));
  }
  return described;
}

}  // namespace cassle
