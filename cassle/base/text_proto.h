// Protobuf text format and JSON with errors that people can act on.
#ifndef CASSLE_BASE_TEXT_PROTO_H_
#define CASSLE_BASE_TEXT_PROTO_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace google {
namespace protobuf {
class Descriptor;
class Message;
}  // namespace protobuf
}  // namespace google

namespace cassle {

// Parses text format into `message`, on top of what is there. `origin` is named in errors (a file,
// a flag).
// \error kInvalidArgument "ORIGIN:LINE:COLUMN: reason", with the nearest field name for an unknown
// one.
absl::Status ParseTextProto(absl::string_view text, const std::string& origin,
                            google::protobuf::Message* message);

// \error as ReadTextFile (text_file.h), then as ParseTextProto.
absl::Status ReadTextProto(const std::string& path, google::protobuf::Message* message);

// The same of a file that a program wrote: what is wrong with it is damage, kDataLoss.
absl::Status ReadStoredTextProto(const std::string& path, google::protobuf::Message* message);

// One field per line, in field order; equal messages give equal text.
std::string PrintTextProto(const google::protobuf::Message& message);

// One line of JSON with the names of the .proto file. Counts and labels (int64) are numbers; ids,
// seeds and keys (uint64) are strings, since readers of JSON that keep numbers as doubles round
// them. Numbers that are not finite become strings ("NaN").
absl::StatusOr<std::string> ToJson(const google::protobuf::Message& message);

// The candidate nearest to `word` in edit distance, or the only one that begins with it; empty if
// none is near (more than a third of the letters wrong).
std::string NearestWord(absl::string_view word, const std::vector<std::string>& candidates);

// Names of the fields of a message, in order.
std::vector<std::string> FieldNames(const google::protobuf::Descriptor& descriptor);

}  // namespace cassle

#endif  // CASSLE_BASE_TEXT_PROTO_H_
