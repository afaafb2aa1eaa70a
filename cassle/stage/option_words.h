// Types of options in words, for messages and help. Part of options.h.
#ifndef CASSLE_STAGE_OPTION_WORDS_H_
#define CASSLE_STAGE_OPTION_WORDS_H_

#include <google/protobuf/descriptor.h>

#include <string>

#include "cassle/stage/options.pb.h"

namespace cassle {

inline bool IsMessage(const google::protobuf::FieldDescriptor& field) {
  return field.cpp_type() == google::protobuf::FieldDescriptor::CPPTYPE_MESSAGE;
}
bool IsNumber(const google::protobuf::FieldDescriptor& field);

inline v1::FieldRole RoleOf(const google::protobuf::FieldDescriptor& field) {
  return field.options().GetExtension(v1::role);
}

// "sgd|lars|adamw"
std::string EnumValues(const google::protobuf::EnumDescriptor& type);

// What one word may choose in a message: the member of its oneof, else the value of its first
// field, unless that is a number: nobody could tell of which field.
std::string WordChoices(const google::protobuf::Descriptor& type);

// "COUNT", "PATH,...", "true|false"
std::string TypeName(const google::protobuf::FieldDescriptor& field);

// What a value of a scalar field should have been: "a whole number".
std::string ExpectedValue(const google::protobuf::FieldDescriptor& field);

}  // namespace cassle

#endif  // CASSLE_STAGE_OPTION_WORDS_H_
