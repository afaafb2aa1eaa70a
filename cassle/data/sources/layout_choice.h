// Which of several layouts a folder has, when files in it speak for more than one: what most of the
// images say.
#ifndef CASSLE_DATA_SOURCES_LAYOUT_CHOICE_H_
#define CASSLE_DATA_SOURCES_LAYOUT_CHOICE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cassle/data/sources/source.h"

namespace cassle {

// What one layout would make of the folder.
struct Reading {
  std::string layout;
  // What speaks for it, below the folder: "labels.csv".
  std::string evidence;
  int64_t images = 0;
  // There are more images than were counted.
  bool more = false;
  // Why no more can be read; may be empty.
  std::string problem;
  // The same as the source says it; OK where its files merely hold no images.
  absl::Status failure;
  // The images are files of the folder, which a list names: a list is no rival of the folder that
  // holds what it names.
  bool is_list = false;
  // Of the folder layout: number of folders that would be classes.
  int64_t classes = 0;
};

// Opens the source and counts its images, to at most `limit` where it does not know their number.
// \error kCancelled if arguments.interrupted.
absl::StatusOr<Reading> CountReading(
    absl::StatusOr<std::unique_ptr<ImageSource>> (*open)(const SourceArguments&),
    const SourceArguments& arguments, int64_t limit);

// The same for a folder of images.
// \error as ListImageFiles.
absl::StatusOr<Reading> CountFolder(const SourceArguments& arguments);

// Index of the reading that has most of the images, by half as many again as any other; the first
// if none has any. Where there was something to decide, the tally says what and why.
// \error kInvalidArgument naming two readings and the flag that decides; the failure of a reading
// that may have most of the images, which nobody can count, with the flag that reads the others.
absl::StatusOr<size_t> ChooseReading(const std::string& path, const std::vector<Reading>& readings,
                                     Tally* tally);

}  // namespace cassle

#endif  // CASSLE_DATA_SOURCES_LAYOUT_CHOICE_H_
