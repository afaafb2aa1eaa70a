// What an archive holds: its images, and the labels beside them. Reads names and labels, no image.
//
// A sample's name is that of its image without the extension, the last or --image_from:
// a/IMG.0001.jpg is the image of the sample a/IMG.0001. To it belong a/IMG.0001.cls and
// a/IMG.0001.hue.cls, also as a/IMG.0001.jpg.cls, wherever in the archive they stand; among several
// images the one with the longest name has them.
#ifndef CASSLE_DATA_SOURCES_ARCHIVES_ARCHIVE_LISTING_H_
#define CASSLE_DATA_SOURCES_ARCHIVES_ARCHIVE_LISTING_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cassle/data/sources/archives/archive_labels.h"
#include "cassle/data/sources/source.h"

namespace cassle {

struct ListedImage {
  // Clean: without ./, ../ and a slash in front. Escaped (names.h).
  std::string name;
  // Number of the member with its bytes, from 0; of a link that it leads to.
  int64_t member = 0;
  // There is a .cls, but no image; `name` is that of the sample.
  bool missing = false;
  std::vector<SampleText> texts;
  // How much of `name` is that of the sample.
  uint32_t sample_size = 0;
};

// A member's name without ./, ../ and slashes in front; empty for the root.
std::string CleanMemberName(const std::string& name);

// The images in the order of their members. Counts in arguments.tally what is not read: leftovers
// and what is left out (image_files.h), links that lead nowhere, other files by their extension.
//   path  of the archive; name: as errors call it
//   read  told how many bytes of the archive were read; may be empty
// \error as ArchiveReader; kDataLoss for a name that is there twice, naming both members;
// kFailedPrecondition for two images of one labelled sample, for two labels of one image, and
// without any image, saying what there is; kCancelled if arguments.interrupted.
absl::StatusOr<std::vector<ListedImage>> ListArchive(const std::string& path,
                                                     const std::string& name,
                                                     const SourceArguments& arguments,
                                                     const std::function<void(int64_t)>& read);

}  // namespace cassle

#endif  // CASSLE_DATA_SOURCES_ARCHIVES_ARCHIVE_LISTING_H_
