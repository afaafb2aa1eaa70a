// SwitchOperation: an operation that is applied or not and has no parameter besides its
// probability. What differs from one to the next is a struct of static members:
//
//   struct FlipSwitch {
//     static constexpr char kName[] = "flip";     // field of the policy, and descriptor group
//     static constexpr char kLabel[] = "flip";    // on contact sheets, at most 10 letters
//     static constexpr Work kWork = Work::kCrop;
//     static constexpr RandomDomain kDomain = RandomDomain::kFlip;
//     static bool InPolicy(const v1::Policy& policy) { return policy.has_flip(); }
//     static double Probability(const v1::Policy& policy) { return policy.flip().probability(); }
//     static bool Get(const v1::ViewRecord& record) { return record.flipped(); }
//     static void Set(bool applied, v1::ViewRecord* record) { record->set_flipped(applied); }
//     static void Apply(FloatImage* image) { FlipHorizontally(image); }
//   };
//
// describe  a group of one value: 1 if applied, else 0; relative: 1 if both views agree (AugSelf's
//           target for the flip), else 0.
#ifndef CASSLE_AUGMENT_OPERATIONS_SWITCH_OPERATION_H_
#define CASSLE_AUGMENT_OPERATIONS_SWITCH_OPERATION_H_

#include "absl/strings/str_cat.h"
#include "cassle/augment/operations/operation.h"

namespace cassle {

template <typename Switch>
Operation SwitchOperation() {
  return {
      .name = Switch::kName,
      .work = Switch::kWork,
      .domain = Switch::kDomain,
      .in_policy = Switch::InPolicy,
      .check =
          [](const v1::Policy& policy) {
            return CheckProbability(absl::StrCat(Switch::kName, ".probability"),
                                    Switch::Probability(policy));
          },
      .sample =
          [](const v1::Policy& policy, Philox& random, v1::ViewRecord* record) {
            Switch::Set(random.Bernoulli(Switch::Probability(policy)), record);
          },
      // On or off: a record can hold nothing else.
      .check_record = [](const v1::ViewRecord&) { return absl::OkStatus(); },
      .apply =
          [](v1::ViewRecord* record, Canvas* canvas) {
            if (Switch::Get(*record)) Switch::Apply(&canvas->image);
            return absl::OkStatus();
          },
      .applied = Switch::Get,
      .set_identity = [](const v1::Policy&, v1::ViewRecord* record) { Switch::Set(false, record); },
      .captions =
          [](const v1::Policy&, const v1::ViewRecord& record) {
            return std::vector<Caption>{{Switch::kLabel, Switch::Get(record) ? "yes" : ""}};
          },
      .groups = {{Switch::kName, 1,
                  [](const v1::Policy&, const v1::ViewRecord& record, float* out) {
                    out[0] = Switch::Get(record) ? 1.0f : 0.0f;
                  },
                  [](const ViewPair& pair, float* out) {
                    out[0] = Switch::Get(pair.record1) == Switch::Get(pair.record2) ? 1.0f : 0.0f;
                  }}}};
}

}  // namespace cassle

#endif  // CASSLE_AUGMENT_OPERATIONS_SWITCH_OPERATION_H_
