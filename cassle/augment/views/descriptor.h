// The augmentation descriptor: what conditioning networks are told about a view.
//
//   group           size  value                                             not applied
//   angle_rotation     1  counter-clockwise angle in half turns, -1 to 1    0
//   blur               1  sigma in pixels                                   0
//   color              4  (factor - 1) / (hi - lo) of brightness,           0
//                         contrast, saturation; hue / (hi - lo); lo..hi
//                         the policy's range
//   color_diff         3  mean RGB before minus after the jitter            0
//   color_drop         3  one-hot kept channel, R G B                       0
//   crop               4  centre y, centre x, height, width, fractions of   the whole: .5 .5 1 1
//                         the source; centre x mirrored when flipped,
//                         centre y when flipped vertically
//   cutout             4  centre y, centre x, height, width of the erased   0
//                         box, fractions of the view
//   flip               1  1                                                 0
//   gaussian_noise     1  sigma, for pixels in [0, 1]                       0
//   grayscale          1  1                                                 0
//   rotation           1  counter-clockwise quarter turns                   0
//   solarize           1  threshold (before the grayscale or after blur)    1
//   vertical_flip      1  1                                                 0
//   applied.NAME       1  1; one such group per operation, NAME as in the   0
//                         policy (applied.color_jitter, applied.blur, ...)
//
// Zero can also be a drawn value ("not applied" and "changes nothing" then look alike, as in the
// authors' code); the groups applied.NAME tell them apart. They are used only where they are named.
//
// Chosen groups are concatenated in alphabetical order (as the authors feed their projector).
//
// Two views are described relative to each other (AugSelf, Lee et al. 2021, arXiv:2111.09613) by
// value 1 - value 2, except for
//   crop              with compat OFFICIAL both centres are mirrored by the first view's flips
//   flip, vertical_flip, grayscale, applied.NAME     1 if both views agree, else 0
//   rotation          (turns 1 - turns 2) mod 4
#ifndef CASSLE_AUGMENT_VIEWS_DESCRIPTOR_H_
#define CASSLE_AUGMENT_VIEWS_DESCRIPTOR_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "cassle/augment/operations/operation.h"

namespace cassle {

// Groups that the operations of the policy have in any of its views, in alphabetical order, without
// the groups applied.NAME.
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
  // Values of each of them.
  std::vector<int> group_sizes() const;
  // Writes size() values; `out` must have that many. The record's view must have been applied (or
  // recorded), else color_diff is zero. The ranges are those of the policy of view record.view();
  // a group whose operation this view's policy does not have gets the value of "not applied".
  void Describe(const v1::ViewRecord& record, absl::Span<float> out) const;

  // The descriptor of an image that nothing was done to: no operation applied, all of it seen.
  std::vector<float> DescribeUnaugmented() const;

  // As Describe for two views of an image, view 1 relative to view 2; size() values too.
  void DescribeRelative(const v1::ViewRecord& record1, const v1::ViewRecord& record2,
                        absl::Span<float> out) const;

 private:
  // A chosen group, or the bit of an operation; the other pointer is null.
  struct Part {
    std::string name;
    int size;
    const DescriptorGroup* group;
    const Operation* operation;
  };

  const v1::Policy& PolicyOf(const v1::ViewRecord& record) const;

  // The policy of each view, where views differ, else one for all.
  std::vector<v1::Policy> policies_;
  std::vector<Part> parts_;
  int size_ = 0;
};

}  // namespace cassle

#endif  // CASSLE_AUGMENT_VIEWS_DESCRIPTOR_H_
