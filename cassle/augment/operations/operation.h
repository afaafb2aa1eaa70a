// Operation: one augmentation as three separate steps, and everything the library needs to know
// about it.
//
//   sample     policy, generator -> parameters. Reads no pixels; the record has the source's size.
//
//   apply      parameters, pixels -> pixels. Pure: equal parameters and pixels give equal bits. It
//              may record what it measured (the colour jitter does), never draw.
//
//   describe   parameters -> numbers for conditioning (descriptor groups), and words for people
//              (captions).
//
// An operation is one file pair and one line in operations.cc; nothing else names it. One contract
// test runs over all of them.
#ifndef CASSLE_AUGMENT_OPERATIONS_OPERATION_H_
#define CASSLE_AUGMENT_OPERATIONS_OPERATION_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "cassle/augment/operations/policy.pb.h"
#include "cassle/augment/operations/time_account.h"
#include "cassle/augment/pixels/float_image.h"
#include "cassle/base/philox.h"
#include "cassle/data/images/image.h"
#include "cassle/data/images/resample.h"
#include "cassle/data/records/view_record.pb.h"

namespace cassle {

// Where a view's pixels come from: a whole image, or a decoded part of it, perhaps coarser
// (cassle/augment/views/view_decoder.h).
struct SourcePixels {
  // A whole image at full resolution.
  explicit SourcePixels(const RgbImage& image)
      : pixels(&image), height(image.height), width(image.width) {}
  SourcePixels() = default;

  const RgbImage* pixels = nullptr;
  // Of the whole image at full resolution.
  int height = 0;
  int width = 0;
  // `pixels` begin at this row and column of the image at 1 / denominator of its resolution.
  int denominator = 1;
  int top = 0;
  int left = 0;
};

// Pixels on their way from the source to the view, with room to work in. Reuse one per thread:
// after warm-up nothing is allocated.
struct Canvas {
  SourcePixels source;
  // Made from `source` by the operation that fills the canvas; every other changes it in place.
  FloatImage image;
  RgbImage resized;
  ResampleScratch resampling;
  std::vector<float> scratch;
  // Of the worker that has the canvas.
  WorkClock clock;
};

// Two views of an image, each with the policy it was drawn from.
struct ViewPair {
  const v1::Policy& policy1;
  const v1::ViewRecord& record1;
  const v1::Policy& policy2;
  const v1::ViewRecord& record2;
};

// A part of the augmentation descriptor, e.g. "crop" with 4 values.
struct DescriptorGroup {
  absl::string_view name;
  int size;
  // Writes `size` floats. An operation that was not applied has a fixed value (zero unless the
  // group says otherwise).
  void (*describe)(const v1::Policy& policy, const v1::ViewRecord& record, float* out);
  // Writes `size` floats: how view 1 differs from view 2. Null: describe of 1 minus describe of 2.
  void (*relative)(const ViewPair& pair, float* out) = nullptr;
};

// One parameter in words and as a position on a scale.
struct Caption {
  std::string label;
  // Empty: not applied.
  std::string value;
  // Scale from low to high, with the value that changes nothing. No scale if low == high.
  double low = 0;
  double neutral = 0;
  double high = 0;
  double position = 0;
};

// Of an operation that fills the canvas: one that makes the view's first pixels from the source.
struct CanvasFill {
  // The box of the source that it needs, inside the source where check_record passes. Empty (height
  // 0): the record does not ask for it.
  Box (*source_box)(const v1::ViewRecord& record);
  // Whether that box may be decoded at a fraction of its resolution (`decode: FAST`).
  bool takes_coarse_source;
};

struct Operation {
  // Name of the field in v1::Policy.
  absl::string_view name;
  // Under which head of the time account it goes: crop (with the flips that follow it), colour,
  // blur, other.
  Work work;
  // The operation's own stream of random numbers: switching another operation on or off changes no
  // draw of this one.
  RandomDomain domain;
  bool (*in_policy)(const v1::Policy& policy);
  // Ranges and probabilities; the message names the field and the remedy. Called only when in the
  // policy.
  absl::Status (*check)(const v1::Policy& policy);
  // Called only when in the policy; writes this operation's fields of the record and nothing else.
  void (*sample)(const v1::Policy& policy, Philox& random, v1::ViewRecord* record);
  // Whether this operation's fields hold values that `apply` can work with: a record may be damaged
  // or foreign. Called of every operation before a pixel is touched, for a view of 1 to 4096
  // pixels; OK where the operation was not applied.
  // \error kDataLoss with the value and what is possible.
  absl::Status (*check_record)(const v1::ViewRecord& record);
  // Called always, after every check_record, but of those that fill the canvas only FillOf(record)
  // (operations.h), and first; does nothing where the record says that the operation was not
  // applied. Fails only if canvas->source lacks the pixels it needs.
  absl::Status (*apply)(v1::ViewRecord* record, Canvas* canvas);
  // Whether the record says that this operation changed the view.
  bool (*applied)(const v1::ViewRecord& record);
  // Parameters that are applied and change nothing (where there are none: not applied).
  void (*set_identity)(const v1::Policy& policy, v1::ViewRecord* record);
  // The parameters for people: always the same lines for the same policy.
  std::vector<Caption> (*captions)(const v1::Policy& policy, const v1::ViewRecord& record);
  std::vector<DescriptorGroup> groups;
  // Absent: it changes the canvas in place.
  std::optional<CanvasFill> fill = std::nullopt;
  // Copies what `apply` writes into the record. Null: nothing.
  void (*copy_measured)(const v1::ViewRecord& from, v1::ViewRecord* to) = nullptr;
  // With compat OFFICIAL: after `sample`, overwrites what the authors draw once per batch and view.
  // The generator's stream is that of the batch, in a domain of its own. Null: nothing.
  RandomDomain batch_domain = RandomDomain::kTest;
  void (*sample_per_batch)(const v1::Policy& policy, Philox& random,
                           v1::ViewRecord* record) = nullptr;
  // Whether the policy's mean decides pixels (null: never; it is only for normalising then).
  bool (*uses_mean)(const v1::Policy& policy) = nullptr;
};

// Errors of `check` functions. `field` as in the text proto, e.g. "blur.probability".
absl::Status CheckProbability(absl::string_view field, double value);
// low <= min <= max <= high, of the fields MESSAGE.FIELD_min and MESSAGE.FIELD_max.
absl::Status CheckRange(absl::string_view message, absl::string_view field, double min, double max,
                        double low, double high);
// Three values in [0, 1] each: R, G, B of a record.
bool IsColor(const google::protobuf::RepeatedField<float>& values);
absl::Status PolicyError(absl::string_view field, absl::string_view problem_and_remedy);

}  // namespace cassle

#endif  // CASSLE_AUGMENT_OPERATIONS_OPERATION_H_
