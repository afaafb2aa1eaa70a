// Comparing a view with its replay: which parameter or pixel differs first, in words and as a
// picture, and a fingerprint by which machines can compare views they do not share.
#ifndef CASSLE_AUGMENT_PICTURES_VIEW_COMPARISON_H_
#define CASSLE_AUGMENT_PICTURES_VIEW_COMPARISON_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cassle/data/images/image.h"
#include "cassle/data/records/view_record.pb.h"

namespace cassle {

// The first field that differs, e.g. "color_jitter.hue: recorded 0.05, replayed 0.07"; empty if
// none does. Pixels are not looked at.
std::string CompareRecords(const v1::ViewRecord& recorded, const v1::ViewRecord& replayed);

// The first pixel that differs by more than `tolerance` levels, how many values do, and by how much
// at most; empty if none does.
std::string ComparePixels(const RgbImage& recorded, const RgbImage& replayed, int tolerance = 0);

// Of one view: its image, epoch and number, its size and its pixels.
std::string ViewFingerprint(const v1::ViewRecord& record, const RgbImage& view);

// Recorded, replayed, and their difference (amplified to the full range), side by side and large
// enough to look at; `title` is one line below.
RgbImage DrawViewDifference(const std::string& title, const RgbImage& recorded,
                            const RgbImage& replayed);

}  // namespace cassle

#endif  // CASSLE_AUGMENT_PICTURES_VIEW_COMPARISON_H_
