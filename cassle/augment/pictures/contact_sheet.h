// Contact sheet: a picture that shows at a glance what a policy does to images.
//
// On top the policy: its operations with their probabilities, for every group of views. Then one
// row per image: the source with the crop of every view drawn into it, and the views, each framed
// in the colour of its crop, with its parameters: value and position on the policy's range (the
// tick marks what would change nothing); "-" and gray: not applied. Views of different size keep
// their proportions; small ones stand in two rows behind the large ones. Of more than 16 views the
// first 16 are shown.
#ifndef CASSLE_AUGMENT_PICTURES_CONTACT_SHEET_H_
#define CASSLE_AUGMENT_PICTURES_CONTACT_SHEET_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cassle/augment/operations/policy.pb.h"
#include "cassle/data/images/image.h"
#include "cassle/data/records/view_record.pb.h"

namespace cassle {

// A source and its views in order, as recorded (after ApplyView).
struct ContactSheetRow {
  std::string key;
  // Empty where it is not at hand: then its place stays free.
  RgbImage source;
  std::vector<v1::ViewRecord> records;
  std::vector<RgbImage> views;
};

// title: one line. Every row has equally many views, at least one.
// \error kInvalidArgument if there are no rows or a view is empty.
absl::StatusOr<RgbImage> DrawContactSheet(const std::string& title, const v1::Policy& policy,
                                          const std::vector<ContactSheetRow>& rows);

}  // namespace cassle

#endif  // CASSLE_AUGMENT_PICTURES_CONTACT_SHEET_H_
