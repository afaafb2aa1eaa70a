// Labels in archives: the members beside an image that may hold its class, and which of them do.
#ifndef CASSLE_DATA_SOURCES_ARCHIVES_ARCHIVE_LABELS_H_
#define CASSLE_DATA_SOURCES_ARCHIVES_ARCHIVE_LABELS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cassle/data/sources/tally.h"

namespace cassle {

// What a member beside an image says, e.g. {"cls", "3"}, {"hue.cls", "1"}, {"json:label", "cat"}.
struct SampleText {
  // The extension behind the sample's name; for JSON also the field.
  std::string from;
  std::string text;
  // Not empty: why the text cannot be used.
  std::string problem;
};

// Is a member with this last extension read for labels (cls, txt, json)?
bool IsLabelExtension(absl::string_view extension);

// Appends what a member says. Of JSON that is first an entry "json" without a text, then one for
// each field that label_from names or, unless it names one, that usually holds a label.
//   member     its name
//   extension  its last: cls, txt or json
void AppendTexts(const std::string& member, const std::string& extension, const std::string& bytes,
                 const std::string& label_from, std::vector<SampleText>* texts);

// Where the labels of samples stand: "cls", "txt", "json:FIELD"; "" if in none of these. Says in
// the tally what it took and what it did not.
//   samples     the texts of each image
//   label_from  --label_from: one of these, "json", a word of class_by_path.h, "none" or empty
// \error kFailedPrecondition if label_from names what no image has.
absl::StatusOr<std::string> ChooseLabels(const std::vector<const std::vector<SampleText>*>& samples,
                                         const std::string& label_from, Tally* tally);

}  // namespace cassle

#endif  // CASSLE_DATA_SOURCES_ARCHIVES_ARCHIVE_LABELS_H_
