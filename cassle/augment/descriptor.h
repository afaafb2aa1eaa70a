// The augmentation descriptor: what conditioning networks are told about a view.
//
//   group      size  value                                                  not applied
//   blur          1  sigma in pixels                                        0
//   color         4  (factor - 1) / (hi - lo) of brightness, contrast,
//                    saturation; hue / (hi - lo); lo..hi the policy's range 0
//   color_diff    3  mean RGB before minus after the jitter                 0
//   crop          4  centre y, centre x, height, width, fractions of the
//                    source; centre x mirrored when flipped                 the whole: .5 .5 1 1
//   flip          1  1                                                      0
//   grayscale     1  1                                                      0
//   rotation      1  counter-clockwise quarter turns                        0
//   solarize      1  threshold                                              1
//
// Chosen groups are concatenated in alphabetical order (as the authors feed their projector).
#ifndef CASSLE_AUGMENT_DESCRIPTOR_H_
#define CASSLE_AUGMENT_DESCRIPTOR_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "cassle/augment/operation.h"

namespace cassle {

// Groups that the operations of the policy have in any of its views, in alphabetical order.
std::vector<std::string> DescriptorGroupsOf(const v1::Policy& policy);

// Which numbers of a descriptor stand where. Immutable, cheap to copy, thread-safe.
class DescriptorLayout {
 public:
  // Any order of `groups`; no groups give an empty descriptor (no conditioning).
  // \error kInvalidArgument for a group that does not exist, whose operation the policy does not
  // have, or that is given twice; the message lists the possible ones.
  static absl::StatusOr<DescriptorLayout> Create(const v1::Policy& policy,
                                                 const std::vector<std::string>& groups);

  DescriptorLayout() = default;

  // Values per view.
  int size() const { return size_; }
  // Alphabetical.
  std::vector<std::string> groups() const;
  // Writes size() values; `out` must have that many. The record's view must have been applied (or
  // recorded), else color_diff is zero. The ranges are those of the policy of view record.view();
  // a group whose operation this view's policy does not have gets the value of "not applied".
  void Describe(const v1::ViewRecord& record, absl::Span<float> out) const;

 private:
  // The policy of each view, where views differ, else one for all.
  std::vector<v1::Policy> policies_;
  std::vector<DescriptorGroup> groups_;
  int size_ = 0;
};

}  // namespace cassle

#endif  // CASSLE_AUGMENT_DESCRIPTOR_H_
