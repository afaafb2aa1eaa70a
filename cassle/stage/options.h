// A protobuf message as the options of a program: settings by name, defaults, help and a canonical
// form, all by reflection from the annotations of options.proto. A stage adds a field to its
// message and nothing else.
#ifndef CASSLE_STAGE_OPTIONS_H_
#define CASSLE_STAGE_OPTIONS_H_

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cassle/stage/options.pb.h"

namespace google {
namespace protobuf {
class Descriptor;
class FieldDescriptor;
class Message;
class OneofDescriptor;
}  // namespace protobuf
}  // namespace google

namespace cassle {

// Finds the field of a path such as "method.moco_v2.temperature"; null if there is none.
const google::protobuf::FieldDescriptor* FindField(const google::protobuf::Descriptor& options,
                                                   absl::string_view path);

// Every path a setting may have, in order: "input", "optimizer.momentum", ...
std::vector<std::string> FieldPaths(const google::protobuf::Descriptor& options);

// Applies settings one after the other. A repeated field takes a comma-separated list; the first
// setting of it replaces what was there, further ones append. Enum values may be written in lower
// case; numbers are decimal, whatever zeros are in front; a message takes text format, or one word
// that chooses the member of its oneof, else the value of its first field unless that is a number
// (--method=moco_v2, --conditioning=mlp), and keeps its other fields.
class OptionSetter {
 public:
  explicit OptionSetter(google::protobuf::Message* options) : options_(options) {}
  // \error kInvalidArgument naming the path and the nearest valid one, or the value and what was
  // expected.
  absl::Status Set(absl::string_view path, absl::string_view value);

 private:
  // Notes that `path` chose `member` of the alternatives of the message at `above`.
  // \error kInvalidArgument if another path chose another: one of the two would not count.
  absl::Status Choose(const google::protobuf::OneofDescriptor& alternatives,
                      const std::string& above, const std::string& member, const std::string& path);

  google::protobuf::Message* const options_;
  std::set<std::string> replaced_;
  // Alternatives -> member, and the path that chose it.
  std::map<std::string, std::pair<std::string, std::string>> chosen_;
};

// Fills fields that are not set from their default_value annotations, also in messages inside (but
// not in the members of a oneof that is not chosen).
// \error kInternal naming a field whose default does not parse: a mistake in the .proto file, which
// //tests:options_test finds.
absl::Status ApplyDefaults(google::protobuf::Message* options);

// Judges every field that is set by its range annotations, also in messages inside, repeated ones
// too. The members of a oneof that are not chosen are not set.
//   prefix  goes before the names of the fields in the message: "method.", say.
// \error kInvalidArgument with the flag, its value and the range: "--momentum=1: expected at least
// 0 and below 1".
absl::Status CheckRanges(const google::protobuf::Message& options, absl::string_view prefix = "");

// The values of a scalar field as they are typed, one unless it is repeated: "0.5", "lars".
std::vector<std::string> ValueTexts(const google::protobuf::Message& message,
                                    const google::protobuf::FieldDescriptor& field);

// The range of a field in words, as CheckRanges and --help have it; empty if it has none.
std::string RangeText(const google::protobuf::FieldDescriptor& field);

// Copies every field of `to` from the field of the same name and type in `from`, set or not.
//   without  fields of `to` that `from` does not have; they stay as they are.
// \error kInternal naming a field that has no such twin and is not in `without`, or is in it and
// has one: a mistake in a .proto file or in the call.
absl::Status CopyFieldsByName(const google::protobuf::Message& from,
                              const std::set<std::string>& without, google::protobuf::Message* to);

// The settings of a run in text format, one per line: what is part of its identity (paths and
// tuning are not).
std::string CanonicalOptions(const google::protobuf::Message& options);

// (field path, value) of every field of this role that is set, in field order; repeated fields give
// several.
std::vector<std::pair<std::string, std::string>> PathsOfRole(
    const google::protobuf::Message& options, v1::FieldRole role);

// \error kInvalidArgument naming an input that is "-" and has no annotation `stream`.
absl::Status CheckStreams(const google::protobuf::Message& options);

}  // namespace cassle

#endif  // CASSLE_STAGE_OPTIONS_H_
