#include "cassle/base/text_proto.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/message.h>
#include <google/protobuf/text_format.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/base/text_file.h"

namespace cassle {
namespace {

// Messages inside each other: far more than any here has, and few enough for the stack. (Protobuf
// has a limit for its binary form only.)
constexpr int kMaxDepth = 100;

// Keeps the first error; later ones are usually its consequences.
class FirstError : public google::protobuf::io::ErrorCollector {
 public:
  void AddError(int line, google::protobuf::io::ColumnNumber column,
                const std::string& message) override {
    if (!message_.empty()) return;
    line_ = line;
    column_ = column;
    message_ = message;
  }
  int line_ = 0;
  int column_ = 0;
  std::string message_;
};

// All field names of a message and the messages inside it: the parser's error does not say in which
// of them it was.
void CollectFieldNames(const google::protobuf::Descriptor& descriptor,
                       std::vector<const google::protobuf::Descriptor*>* visited,
                       std::vector<std::string>* names) {
  if (std::find(visited->begin(), visited->end(), &descriptor) != visited->end()) return;
  visited->push_back(&descriptor);
  for (int i = 0; i < descriptor.field_count(); ++i) {
    names->push_back(descriptor.field(i)->name());
    if (const auto* inner = descriptor.field(i)->message_type()) {
      CollectFieldNames(*inner, visited, names);
    }
  }
}

// protobuf says: Message type "cassle.v1.Policy" has no field named "sise".
std::string Suggestion(const std::string& error, const google::protobuf::Descriptor& root) {
  const std::vector<std::string> quoted = absl::StrSplit(error, '"');
  if (quoted.size() < 4 || error.find("has no field named") == std::string::npos) return "";
  std::vector<std::string> names;
  const google::protobuf::Descriptor* type = root.file()->pool()->FindMessageTypeByName(quoted[1]);
  if (type != nullptr) {
    names = FieldNames(*type);
  } else {
    std::vector<const google::protobuf::Descriptor*> visited;
    CollectFieldNames(root, &visited, &names);
  }
  const std::string nearest = NearestWord(quoted[3], names);
  return nearest.empty() ? "" : absl::StrCat(" Did you mean \"", nearest, "\"?");
}

// protobuf's JSON of a message with int64 as numbers; protobuf prints them as strings.
std::string Int64AsNumbers(absl::string_view json, const google::protobuf::Descriptor& root) {
  std::string numbers;
  // Of the objects around the current place: the field whose value is there.
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  for (size_t begin = 0, end = 0; begin < json.size(); begin = end) {
    end = begin + 1;
    if (json[begin] == '{') fields.push_back(nullptr);
    if (json[begin] == '}') fields.pop_back();
    if (json[begin] == '"') {
      while (json[end] != '"') end += json[end] == '\\' ? 2 : 1;
      const absl::string_view inside = json.substr(begin + 1, end - begin - 1);
      ++end;
      if (json[end] == ':') {
        const auto* type = fields.size() == 1 ? &root : fields[fields.size() - 2]->message_type();
        fields.back() = type->FindFieldByName(std::string(inside));
      } else if (fields.back()->cpp_type() == google::protobuf::FieldDescriptor::CPPTYPE_INT64) {
        absl::StrAppend(&numbers, inside);
        continue;
      }
    }
    absl::StrAppend(&numbers, json.substr(begin, end - begin));
  }
  return numbers;
}

// Of a file, or of what else gives bytes: options may come from a shell's <(command).
absl::StatusOr<std::string> ReadTextOrStream(const std::string& path) {
  if (!IsSpecial(path)) return ReadTextFile(path);
  std::ifstream stream(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(stream), {}};
  return DecodeText(bytes, path);
}

}  // namespace

absl::Status ParseTextProto(absl::string_view text, const std::string& origin,
                            google::protobuf::Message* message) {
  FirstError error;
  google::protobuf::TextFormat::Parser parser;
  parser.RecordErrorsTo(&error);
  parser.SetRecursionLimit(kMaxDepth);
  if (parser.MergeFromString(std::string(text), message)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(origin, ":", error.line_ + 1, ":", error.column_ + 1, ": ", error.message_,
                   Suggestion(error.message_, *message->GetDescriptor())));
}

absl::Status ReadTextProto(const std::string& path, google::protobuf::Message* message) {
  CASSLE_ASSIGN_OR_RETURN(const std::string text, ReadTextOrStream(path));
  return ParseTextProto(text, path, message);
}

absl::Status ReadStoredTextProto(const std::string& path, google::protobuf::Message* message) {
  absl::Status read = ReadTextProto(path, message);
  return absl::IsInvalidArgument(read) ? absl::DataLossError(read.message()) : read;
}

std::string PrintTextProto(const google::protobuf::Message& message) {
  google::protobuf::TextFormat::Printer printer;
  printer.SetUseShortRepeatedPrimitives(true);
  // Names as people write them, not in octal; `bytes` stay escaped.
  printer.SetUseUtf8StringEscaping(true);
  std::string text;
  printer.PrintToString(message, &text);
  return text;
}

absl::StatusOr<std::string> ToJson(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  std::string json;
  const auto status = google::protobuf::util::MessageToJsonString(message, &json, options);
  if (!status.ok()) return absl::InternalError(status.ToString());
  return Int64AsNumbers(json, *message.GetDescriptor());
}

std::string NearestWord(absl::string_view word, const std::vector<std::string>& candidates) {
  std::string nearest, longer;
  int begin_with_it = 0;
  size_t best = word.size() / 3 + 1;
  for (const std::string& candidate : candidates) {
    if (absl::StartsWith(candidate, word)) {
      longer = candidate;
      ++begin_with_it;
    }
    // Levenshtein distance, one row at a time.
    std::vector<size_t> row(candidate.size() + 1);
    for (size_t j = 0; j < row.size(); ++j) row[j] = j;
    for (size_t i = 1; i <= word.size(); ++i) {
      size_t diagonal = row[0];
      row[0] = i;
      for (size_t j = 1; j < row.size(); ++j) {
        const size_t above = row[j];
        row[j] =
            std::min({above + 1, row[j - 1] + 1, diagonal + (word[i - 1] != candidate[j - 1])});
        diagonal = above;
      }
    }
    if (row.back() <= best && (nearest.empty() || row.back() < best)) {
      best = row.back();
      nearest = candidate;
    }
  }
  // A word that was cut short, rather than one with several wrong letters.
  const bool cut = begin_with_it == 1 && word.size() >= 3 && (nearest.empty() || best > 1);
  return cut ? longer : nearest;
}

std::vector<std::string> FieldNames(const google::protobuf::Descriptor& descriptor) {
  std::vector<std::string> names;
  for (int i = 0; i < descriptor.field_count(); ++i) names.push_back(descriptor.field(i)->name());
  return names;
}

}  // namespace cassle
