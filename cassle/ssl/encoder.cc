#include "cassle/ssl/encoder.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "cassle/base/status_macros.h"
#include "cassle/ssl/precision_scope.h"

namespace cassle {
absl::StatusOr<Encoder> Encoder::Create(const MethodSetup& setup, MlpOptions projector) {
  if (projector.hidden < 0 || projector.out < 1) {
    return absl::InvalidArgumentError(absl::StrCat("hidden_size is ", projector.hidden,
                                                   " and projection_size ", projector.out,
                                                   "; they must be positive"));
  }
  Encoder encoder;
  encoder.precision_ = setup.precision;
  CASSLE_ASSIGN_OR_RETURN(encoder.backbone_, setup.make_backbone());
  projector.in = encoder.backbone_->feature_size();
  if (projector.hidden == 0) projector.hidden = projector.in;
  CASSLE_ASSIGN_OR_RETURN(
      encoder.projector_,
      MakeConditionedProjector(setup.conditioning, setup.descriptor_size, projector, setup.seed));
  return encoder;
}

Encoding Encoder::Encode(const View& view) {
  Encoding encoding;
  {
    const PrecisionScope scope(precision_);
    encoding.features = backbone_->forward(view.images);
    encoding.projections = projector_->forward(encoding.features, view.descriptors);
  }
  for (at::Tensor* tensor : {&encoding.features, &encoding.projections}) {
    if (tensor->scalar_type() == at::kBFloat16) *tensor = tensor->to(at::kFloat);
  }
  return encoding;
}

}  // namespace cassle
