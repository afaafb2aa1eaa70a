#include "cassle/features/training_views.h"

#include <optional>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cassle/augment/policies/policy.h"
#include "cassle/base/file.h"
#include "cassle/base/fingerprint.h"
#include "cassle/base/status_macros.h"
#include "cassle/base/text_proto.h"
#include "cassle/models/weights/projector_folder.h"

namespace cassle {
namespace {

absl::StatusOr<v1::Policy> PolicyOf(const TrainingViewsOptions& options) {
  CASSLE_ASSIGN_OR_RETURN(const std::optional<v1::Policy> named,
                          NamedPolicy(options.policy, options.policy_file));
  if (named) return *named;
  const std::string trained_with = JoinPath(options.model, kPolicyName);
  if (FileExists(trained_with)) return ReadStoredPolicy(trained_with);
  return NoPolicyError(
      absl::StrCat(options.model,
                   " does not say which augmentations it was trained with (it was imported, or "
                   "trained by an earlier version)"));
}

absl::StatusOr<DescriptorLayout> LayoutOf(const v1::ProjectorSpec& spec, const v1::Policy& policy,
                                          const std::vector<std::string>& named) {
  std::vector<std::string> groups(spec.conditioning().groups().begin(),
                                  spec.conditioning().groups().end());
  if (!named.empty()) groups = named;
  if (groups.empty()) groups = DescriptorGroupsOf(policy);
  const absl::StatusOr<DescriptorLayout> layout = DescriptorLayout::Create(policy, groups);
  if (!layout.ok()) return Annotate(layout.status(), "the descriptor of the projector");
  if (layout->size() != spec.descriptor_size()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the projector was told ", spec.descriptor_size(), " values of each view, and the groups ",
        absl::StrJoin(groups, ", "), " of policy ", policy.name(), " have ", layout->size(),
        ": name the policy it was trained with (--policy or --policy_file), and its --groups"));
  }
  return layout;
}

}  // namespace

absl::StatusOr<TrainingViews> LoadTrainingViews(const TrainingViewsOptions& options,
                                                const FrozenEncoder& encoder) {
  TrainingViews views;
  CASSLE_ASSIGN_OR_RETURN(views.policy, PolicyOf(options));
  if (encoder.is_told() && ConditionsRelatively(encoder.projector_spec().conditioning())) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the projector of ", options.model,
        " was told how a view differs from the other view of "
        "its image (conditioning.relative), and here every view is by itself: measure the backbone "
        "alone by --backbone_only=true"));
  }
  if (encoder.is_told()) {
    CASSLE_ASSIGN_OR_RETURN(views.layout,
                            LayoutOf(encoder.projector_spec(), views.policy, options.groups));
  }
  return views;
}

std::string ViewsFingerprint(const FrozenEncoder& encoder, const v1::Policy& policy) {
  const v1::ModelSpec& spec = encoder.spec();
  return FingerprintBytes(absl::StrCat(
      "views of ", spec.image_size(), " mean ", absl::StrJoin(spec.mean(), " "), " std ",
      absl::StrJoin(spec.std(), " "), encoder.batch_statistics() ? " batch statistics " : " ",
      PrintTextProto(policy)));
}

}  // namespace cassle
