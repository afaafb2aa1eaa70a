// New images as people have them, for predict and similar.
#ifndef CASSLE_EVAL_ON_IMAGES_NEW_IMAGE_SOURCE_H_
#define CASSLE_EVAL_ON_IMAGES_NEW_IMAGE_SOURCE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "cassle/data/sources/leave_out.h"
#include "cassle/data/sources/source.h"
#include "cassle/data/sources/source.pb.h"
#include "cassle/data/sources/tally.h"
#include "cassle/eval/on_images/new_images.h"
#include "cassle/stage/stage.h"

namespace cassle {

struct NewImageSource {
  std::unique_ptr<ImageSource> source;
  // Which its reader counts in until all images are taken.
  std::shared_ptr<const Tally> tally;
};

// What is read at `path`, as the options of a stage say (leave_out, image_root, image_from).
template <class Options>
SourceArguments NewImageArguments(const std::string& path, const Options& options) {
  SourceArguments arguments;
  arguments.inputs = {{"", path}};
  arguments.image_root = options.image_root();
  arguments.image_from = options.image_from();
  arguments.leave_out = std::make_shared<LeaveOut>(
      std::vector<std::string>(options.leave_out().begin(), options.leave_out().end()));
  return arguments;
}

// \error as OpenSource.
absl::StatusOr<NewImageSource> OpenNewImages(v1::DatasetLayout::Source source,
                                             SourceArguments arguments,
                                             const StageContext& context);

// Images that cannot be read: named, counted, and none of them stops anything.
class DamagedImages {
 public:
  // what: "have no prediction".
  explicit DamagedImages(std::string what) : what_(std::move(what)) {}

  // Counts what is odd about an image; true if it cannot be read.
  bool Take(NewImage* image, StageContext* context);

  int64_t count() const { return static_cast<int64_t>(list_.size()); }
  // Names and reasons.
  const std::vector<std::pair<std::string, std::string>>& list() const { return list_; }

  // \error if no image was read at all: kDataLoss where all are damaged, kFailedPrecondition where
  // there are none.
  absl::Status CheckSome(int64_t read, const std::string& input, const Tally& of_source) const;

  // Notes the sentences of both, writes damaged.csv (but for a stream) and counts.
  absl::Status Finish(const Tally& of_source, StageContext* context) const;

 private:
  const std::string what_;
  Tally remarks_;
  std::vector<std::pair<std::string, std::string>> list_;
};

}  // namespace cassle

#endif  // CASSLE_EVAL_ON_IMAGES_NEW_IMAGE_SOURCE_H_
