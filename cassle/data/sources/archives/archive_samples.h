// Which image of an archive a label beside it belongs to: WebDataset's samples.
#ifndef CASSLE_DATA_SOURCES_ARCHIVES_ARCHIVE_SAMPLES_H_
#define CASSLE_DATA_SOURCES_ARCHIVES_ARCHIVE_SAMPLES_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cassle/data/sources/archives/archive_listing.h"
#include "cassle/data/sources/tally.h"

namespace cassle {

// A .cls, .txt or .json.
struct ListedLabel {
  std::string name;
  int64_t member = 0;
  // The last one.
  std::string extension;
  std::vector<SampleText> texts;
};

// Gives each label to the image whose sample it names (archive_listing.h). Returns those of the
// .cls beside no image, each as a missing image; other texts beside no image are counted.
//   archive   its name, for messages
//   labels    their texts go to the images
//   is_image  by the name
// \error kFailedPrecondition for two images of one labelled sample, and for two labels of one
// image.
absl::StatusOr<std::vector<ListedImage>> AttachLabels(
    const std::string& archive, std::vector<ListedLabel>* labels,
    const std::function<bool(const std::string&)>& is_image, std::vector<ListedImage>* images,
    Tally* tally);

}  // namespace cassle

#endif  // CASSLE_DATA_SOURCES_ARCHIVES_ARCHIVE_SAMPLES_H_
