#include "cassle/data/sources/archives/archive_labels.h"

#include <algorithm>
#include <map>
#include <set>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "cassle/base/escaped_name.h"
#include "cassle/base/status_macros.h"
#include "cassle/base/text_file.h"
#include "cassle/data/sources/class_by_path.h"
#include "nlohmann/json.hpp"

namespace cassle {
namespace {

using Json = nlohmann::json;

// Longer texts are captions, not classes; the names of classes are shorter.
constexpr size_t kMaxClassText = 200;

// Fields that usually hold a label, the likeliest first.
constexpr const char* kLabelFields[] = {"label",       "cls",         "class",      "class_id",
                                        "category_id", "category",    "label_id",   "class_name",
                                        "label_name",  "class_label", "fine_label", "target"};

struct ParsedJson {
  Json value;
  // Empty if nothing is wrong.
  std::string problem;
};

// Python's json writes NaN and Infinity, which JSON does not know: null stands in their place.
std::string WithoutNan(absl::string_view text) {
  std::string plain;
  bool quoted = false;
  while (!text.empty()) {
    if (!quoted && (absl::ConsumePrefix(&text, "NaN") || absl::ConsumePrefix(&text, "-Infinity") ||
                    absl::ConsumePrefix(&text, "Infinity"))) {
      absl::StrAppend(&plain, "null");
      continue;
    }
    const size_t taken = quoted && text[0] == '\\' ? std::min<size_t>(2, text.size()) : 1;
    if (text[0] == '"') quoted = !quoted;
    absl::StrAppend(&plain, text.substr(0, taken));
    text.remove_prefix(taken);
  }
  return plain;
}

// A parser keeps the last of two values of one name: a label would be lost without a word.
ParsedJson ParseStrictJson(const std::string& text) {
  ParsedJson parsed;
  std::vector<std::set<std::string>> names;
  const auto remember = [&](int, Json::parse_event_t event, Json& value) {
    if (event == Json::parse_event_t::object_start) names.emplace_back();
    if (event == Json::parse_event_t::object_end) names.pop_back();
    if (event == Json::parse_event_t::key) {
      const auto name = value.get<std::string>();
      if (!names.back().insert(name).second) {
        parsed.problem = absl::StrCat("has the field '", EscapedName(name), "' twice");
      }
    }
    return true;
  };
  parsed.value = Json::parse(text, remember, /*allow_exceptions=*/false);
  if (parsed.value.is_discarded()) parsed.problem = "is no JSON";
  return parsed;
}

ParsedJson ParseJson(const std::string& text) {
  ParsedJson parsed = ParseStrictJson(text);
  if (parsed.value.is_discarded()) parsed = ParseStrictJson(WithoutNan(text));
  // Never copied: the library would copy level by level, and as deep as a hostile file likes.
  return parsed;
}

// The value of a field; dots lead into objects.
const Json* FindField(const Json& json, const std::string& field) {
  if (!json.is_object()) return nullptr;
  const auto whole = json.find(field);
  if (whole != json.end()) return &*whole;
  const size_t dot = field.find('.');
  if (dot == std::string::npos) return nullptr;
  const auto inner = json.find(field.substr(0, dot));
  return inner == json.end() ? nullptr : FindField(*inner, field.substr(dot + 1));
}

// The value of a field that usually holds a label, whatever its case.
const Json* FindLabelField(const Json& json, const std::string& field) {
  const Json* const exact = FindField(json, field);
  if (exact != nullptr || !json.is_object()) return exact;
  for (const auto& [name, value] : json.items()) {
    if (absl::EqualsIgnoreCase(name, field)) return &value;
  }
  return nullptr;
}

SampleText TextOf(const std::string& member, const std::string& from, const Json& value) {
  SampleText text{from, "", ""};
  if (value.is_string()) {
    text.text = std::string(absl::StripAsciiWhitespace(value.get<std::string>()));
  } else if (value.is_object() || value.is_array()) {
    text.problem = absl::StrCat(member, ": the field '", from.substr(from.find(':') + 1), "' is ",
                                value.is_array() ? "a list" : "an object",
                                ", not one class (--label_from=json:FIELD)");
  } else if (!value.is_null()) {
    text.text = value.dump();
  }
  return text;
}

// Do the texts name classes, rather than tell of each image something else?
bool AreClasses(const std::vector<absl::string_view>& texts) {
  std::set<absl::string_view> distinct(texts.begin(), texts.end());
  bool blanks = false;
  for (const absl::string_view text : distinct) {
    if (text.size() > kMaxClassText || absl::StrContains(text, "\n")) return false;
    blanks = blanks || absl::StrContains(text, " ");
  }
  return !texts.empty() && (!blanks || 2 * distinct.size() <= texts.size());
}

// Where no label was found: what is wrong with the first .json, if all of them are broken.
absl::Status CheckAnyJsonIsSound(const std::vector<const std::vector<SampleText>*>& samples) {
  const SampleText* broken = nullptr;
  for (const std::vector<SampleText>* sample : samples) {
    for (const SampleText& text : *sample) {
      if (text.from != "json") continue;
      if (text.problem.empty()) return absl::OkStatus();
      if (broken == nullptr) broken = &text;
    }
  }
  if (broken == nullptr) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      broken->problem,
      ", nor is any other beside an image (--label_from=none reads the images without labels)"));
}

}  // namespace

bool IsLabelExtension(absl::string_view extension) {
  return extension == "cls" || extension == "txt" || extension == "json";
}

void AppendTexts(const std::string& member, const std::string& extension, const std::string& bytes,
                 const std::string& label_from, std::vector<SampleText>* texts) {
  const bool json_text = extension == "json";
  const absl::StatusOr<std::string> decoded =
      DecodeText(bytes, member, json_text ? ForeignBytes::kRefused : ForeignBytes::kKept);
  SampleText whole{extension, "", ""};
  if (!decoded.ok()) {
    whole.problem = std::string(decoded.status().message());
    texts->push_back(std::move(whole));
    return;
  }
  if (!json_text) {
    const absl::string_view text = absl::StripAsciiWhitespace(*decoded);
    whole.text = std::string(text.substr(0, kMaxClassText + 1));
    if (absl::StartsWith(text, "{") && Json::accept(text.begin(), text.end())) {
      whole.problem = absl::StrCat(member,
                                   " holds JSON, not one class: a .json beside the image, "
                                   "with --label_from=json:FIELD, is read");
    }
    if (absl::StrContains(text, '\n') && (extension == "cls" || label_from == "txt")) {
      whole.problem = absl::StrCat(member, " has several lines, not one class");
    }
    texts->push_back(std::move(whole));
    return;
  }
  const ParsedJson json = ParseJson(*decoded);
  if (!json.problem.empty()) whole.problem = absl::StrCat(member, " ", json.problem);
  texts->push_back(whole);
  const auto add = [&](const std::string& field, const Json* value) {
    if (value == nullptr) return;
    texts->push_back(TextOf(member, absl::StrCat("json:", field), *value));
    if (!whole.problem.empty()) texts->back().problem = whole.problem;
  };
  const size_t asked = label_from.find("json:");
  if (asked != std::string::npos) {
    const std::string field = label_from.substr(asked + 5);
    add(field, FindField(json.value, field));
  } else {
    for (const char* field : kLabelFields) add(field, FindLabelField(json.value, field));
  }
}

absl::StatusOr<std::string> ChooseLabels(const std::vector<const std::vector<SampleText>*>& samples,
                                         const std::string& label_from, Tally* tally) {
  if (label_from == "none" || ParseClassBy(label_from).has_value()) return std::string();
  std::map<std::string, int64_t> counts;
  std::vector<absl::string_view> plain;
  for (const std::vector<SampleText>* sample : samples) {
    for (const SampleText& text : *sample) {
      ++counts[text.from];
      if (text.from == "txt") plain.push_back(text.text);
    }
  }
  if (!label_from.empty() && label_from != "json") {
    if (counts.count(label_from) > 0) return label_from;
    if (absl::StartsWith(label_from, "json:")) {
      CASSLE_RETURN_IF_ERROR(CheckAnyJsonIsSound(samples));
    }
    return absl::FailedPreconditionError(
        absl::StrCat("--label_from=", label_from, ": no image of the archives has that"));
  }
  if (label_from.empty() && counts.count("cls") > 0) return std::string("cls");
  // The field that most have; of equal ones the likeliest.
  std::string best;
  std::vector<std::string> fields;
  for (const char* field : kLabelFields) {
    const std::string from = absl::StrCat("json:", field);
    if (counts.count(from) == 0) continue;
    fields.push_back(field);
    if (best.empty() || counts[from] > counts[best]) best = from;
  }
  if (!best.empty()) {
    std::string others;
    for (const std::string& field : fields) {
      if (absl::StrCat("json:", field) == best) continue;
      absl::StrAppend(&others, others.empty() ? "" : ", ", field);
    }
    tally->Decide(absl::StrCat("labels are the field '", best.substr(5), "' of .json",
                               others.empty() ? "" : absl::StrCat(", not ", others),
                               " (--label_from=json:FIELD takes another)"));
    return best;
  }
  if (label_from == "json" || plain.empty()) {
    CASSLE_RETURN_IF_ERROR(CheckAnyJsonIsSound(samples));
  }
  if (label_from == "json") {
    return absl::FailedPreconditionError(
        "--label_from=json: no .json beside an image has a field that usually holds a label: name "
        "it with --label_from=json:FIELD");
  }
  if (plain.empty()) return std::string();
  if (AreClasses(plain)) {
    tally->Decide("labels are the texts of .txt (--label_from=none leaves them)");
    return std::string("txt");
  }
  tally->Decide(
      "the texts of .txt are taken for captions, not labels (--label_from=txt makes them labels)");
  return std::string();
}

}  // namespace cassle
