// ImageSource: what shard-encoder reads, whatever its layout. One file per layout implements it
// (folder_source.cc, ...); cassle/data/sources/sources.h finds the right one.
#ifndef CASSLE_DATA_SOURCES_SOURCE_H_
#define CASSLE_DATA_SOURCES_SOURCE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cassle/base/text_file.h"
#include "cassle/data/images/image.h"
#include "cassle/data/records/dataset.pb.h"
#include "cassle/data/records/image_record.pb.h"
#include "cassle/data/shapes/shapes.pb.h"
#include "cassle/data/sources/class_choice.h"
#include "cassle/data/sources/leave_out.h"
#include "cassle/data/sources/list_layout.pb.h"
#include "cassle/data/sources/source.pb.h"
#include "cassle/data/sources/tally.h"

namespace cassle {

// One image as found. Exactly one of file, pixels, load and problem says where its content is.
struct SourceItem {
  // Name in the source, e.g. "train/dog/17.jpg"; unique within the data set.
  std::string key;
  // Index into ImageSource::splits().
  int split = 0;
  std::optional<int64_t> label;
  // Sorted by name.
  std::vector<v1::Target> targets;

  // A whole image file, as cassle/data/images/image_file.h reads it.
  std::string file;
  // Decoded already (height > 0).
  RgbImage pixels;
  // Fills `file` or `pixels`, and what of the targets depends on them. Called once, on any thread;
  // must not refer to the source's state.
  std::function<absl::Status(SourceItem*)> load;
  // Why there is no image; it is quarantined.
  std::string problem;
  // What should be known of an image that is used all the same: phrases of Tally::Count, such as
  // "images whose data end early".
  std::vector<std::string> remarks;
};

// An iterator over the images of all splits. Not thread-safe.
class ImageSource {
 public:
  virtual ~ImageSource() = default;

  // Names of the splits in the order in which Next() delivers them: all images of the first, then
  // all of the second, ...
  virtual const std::vector<std::string>& splits() const = 0;

  // The number of images, for progress; 0 if it is not known before the end.
  virtual int64_t size() const { return 0; }

  // The files of the images, in the order of Next(), if a table names them; else empty: they are in
  // the inputs.
  virtual std::vector<std::string> named_files() const { return {}; }

  // Fills `item` (which is fresh) and returns true; false after the last.
  // \error kDataLoss or kNotFound, naming the file, if the source as a whole cannot be read on.
  virtual absl::StatusOr<bool> Next(SourceItem* item) = 0;

  // After the last image: sets classes and targets of `info`. Classes may stay empty; then they are
  // numbered as far as labels occur.
  virtual absl::Status Describe(v1::DatasetInfo* info) = 0;
};

// One path to read and the split it is ("" if the layout tells).
struct SourceInput {
  std::string split;
  std::string path;
};

struct SourceArguments {
  std::vector<SourceInput> inputs;
  // May splits have other names than those that CanonicalSplit knows? (--splits names them.)
  bool odd_splits = false;
  // Names of --splits: a folder that is called as one of these is that split.
  std::vector<std::string> splits;
  // Class names from --classes; empty: none given.
  std::vector<std::string> classes;
  // A source has all classes (SelectFrom takes those that are chosen), but draws splits of these.
  ClassChoice choice;
  std::string image_root;
  // Which column (CSV) or extension (archives) the images are; empty: the usual ones.
  std::string image_from;
  // Where labels stand: a column or several (CSV), or what archive_labels.h lists; empty: the usual
  // places.
  std::string label_from;
  // Images and nothing else: folders and names say no split, what lies or stands beside the images
  // says no class, and keys are the names below the input. Of folders, archives, CSV,
  // and of one image file.
  bool only_images = false;
  v1::ShapesOptions shapes;
  v1::ListLayout lists;
  // Files, folders and members of archives that are not to be read.
  std::shared_ptr<LeaveOut> leave_out = std::make_shared<LeaveOut>();
  // Files that other options name (--classes, --coarse, --split_list). They may lie among the
  // images, and are not unread then.
  std::vector<std::string> read_by_options;
  // How class names that the source finds are sorted.
  v1::DatasetLayout::ClassOrder class_order = v1::DatasetLayout::BYTES;
  // True once the user or the system asks to stop; empty: never. Opening a source may take minutes.
  std::function<bool()> interrupted = nullptr;
  // Told how many bytes of how many (0: unknown) were read by a source that reads its input before
  // the first image. May be empty.
  std::function<void(int64_t done, int64_t total)> reading = nullptr;
  // Where the source counts what it leaves out, and says how it decided. Not used by load().
  std::shared_ptr<Tally> tally = std::make_shared<Tally>();
};

// The canonical name of a split as people write it: "training" is train, "valid" and "validation"
// are val, ...; empty for any other word.
std::string CanonicalSplit(const std::string& word);

// The splits that words of a file's or folder's name say, each once: train of "imagenet-train-000",
// "train2017", "trainA" and "trainset"; train and val of "train_val". A word is of letters; it ends
// where others or a capital follow.
std::vector<std::string> SplitsInName(absl::string_view name);

// The only split that a name says; empty if it says none or several.
std::string SplitInName(absl::string_view name);

// train, val, test, unlabeled, then the others by name.
void SortSplits(std::vector<std::string>* splits);

// The path with that name (first of `names`) inside `folder` that exists, plain or with ".gz";
// empty if none does.
std::string FindFile(const std::string& folder, const std::vector<std::string>& names);

// kFailedPrecondition of a source whose files are sound, as far as they are its own, and hold no
// image: nothing is lost where the images beside them are read instead.
absl::Status NoImagesError(absl::string_view message);
bool IsNoImagesError(const absl::Status& status);

// kCancelled once arguments.interrupted says so; `what` was being read.
absl::Status CheckInterrupted(const SourceArguments& arguments, const std::string& what);

// Lines of a text file (cassle/base/text_file.h) without line ends and without empty lines at the
// end.
// \error kNotFound; kDataLoss if there is none, or no text.
absl::StatusOr<std::vector<std::string>> ReadLines(const std::string& path,
                                                   ForeignBytes foreign = ForeignBytes::kRefused);

// For each line of a file that names classes, in their order; `known` are the names before, to
// which this one is added.
// \error kDataLoss naming `origin` (FILE:LINE): no name, or one that was named before.
absl::Status CheckClassName(const std::string& name, const std::string& origin,
                            std::set<std::string>* known);

// The lines of a file that names classes: line k+1 names class k.
// \error as ReadLines; kDataLoss naming a line that is empty, named before or numbered, as in
// "0 cat".
absl::StatusOr<std::vector<std::string>> ReadClassNames(const std::string& path);

// Makers of the targets of a record.
v1::Target ClassTargetValue(const std::string& name, int64_t class_index);

}  // namespace cassle

#endif  // CASSLE_DATA_SOURCES_SOURCE_H_
