// ViewDecoder: decodes of an image what its views need, and no more.
//
//   ViewDecoder decoder;  // one per thread: its memory is reused
//   CASSLE_RETURN_IF_ERROR(decoder.Decode(image, records));  // the records of all its views
//   for (size_t v = 0; v < records.size(); ++v) {
//     CASSLE_RETURN_IF_ERROR(ApplyView(decoder.source(v), &records[v], &canvas, &view));
//   }
//
// The crops are drawn before the image is decoded, so a JPEG is decoded only where they lie, once
// for all of them; with `decode: FAST` in the policy, each at the fraction of the resolution that
// its record names. Views get the same pixels whichever others are decoded with them.
#ifndef CASSLE_AUGMENT_VIEWS_VIEW_DECODER_H_
#define CASSLE_AUGMENT_VIEWS_VIEW_DECODER_H_

#include <array>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "cassle/augment/operations/operation.h"
#include "cassle/data/images/codec.h"
#include "cassle/data/records/image_record.pb.h"

namespace cassle {

class ViewDecoder {
 public:
  // Of `views` only what fills the canvas, source size and fast_denominator matter.
  // \error kDataLoss if the image is damaged where it is needed, does not have the size its record
  // says, or a view was drawn for another size or has a crop outside the image.
  absl::Status Decode(const v1::ImageRecord& image, absl::Span<const v1::ViewRecord> views);

  // Pixels for views[view] of the last Decode; they live until the next.
  const SourcePixels& source(int view) const { return sources_[view]; }

 private:
  // One decoded region for each way of decoding: 0 (exact), 1, 2, 4, 8.
  std::array<ImageRegion, 5> regions_;
  std::vector<SourcePixels> sources_;
};

}  // namespace cassle

#endif  // CASSLE_AUGMENT_VIEWS_VIEW_DECODER_H_
