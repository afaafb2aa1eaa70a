#include "cassle/ssl/method/encoder.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>

#include <utility>

#include "cassle/base/status_macros.h"
#include "cassle/runtime/precision_scope.h"
#include "cassle/runtime/ranks/gather_rows.h"
#include "cassle/runtime/ranks/team.h"

namespace cassle {
namespace {

// images [B, 3, H, W] and values [B, C] -> [B, 3 + C, H, W], channels-last.
at::Tensor WithPlanes(const at::Tensor& images, const at::Tensor& values) {
  const at::Tensor planes = values.to(images.scalar_type())
                                .unsqueeze(2)
                                .unsqueeze(3)
                                .expand({-1, -1, images.size(2), images.size(3)});
  return at::cat({images, planes}, 1).contiguous(at::MemoryFormat::ChannelsLast);
}

}  // namespace

absl::StatusOr<Encoder> Encoder::Create(const MethodSetup& setup, MlpOptions projector) {
  CASSLE_ASSIGN_OR_RETURN(std::shared_ptr<Backbone> backbone, setup.make_backbone());
  projector.in = backbone->feature_size();
  if (projector.hidden == 0) projector.hidden = projector.in;
  return CreateAround(setup, std::move(backbone), projector);
}

absl::StatusOr<Encoder> Encoder::CreateAround(const MethodSetup& setup,
                                              std::shared_ptr<Backbone> backbone,
                                              const MlpOptions& projector) {
  Encoder encoder;
  encoder.precision_ = setup.precision;
  encoder.team_ = setup.team;
  encoder.backbone_ = std::move(backbone);
  CASSLE_ASSIGN_OR_RETURN(
      encoder.projector_,
      MakeConditionedProjector(setup.conditioning, setup.descriptor_size, projector, setup.seed));
  if (setup.load_projector != nullptr) {
    CASSLE_RETURN_IF_ERROR(setup.load_projector(encoder.projector_.get()));
  }
  return encoder;
}

Encoding Encoder::Encode(const View& view) {
  Encoding encoding;
  const int64_t rows = view.descriptors.size(0);
  at::Tensor descriptors = view.descriptors;
  if (team_ != nullptr) {
    const RowRange own = team_->OwnRows(rows);
    descriptors = descriptors.narrow(0, own.first, own.count);
  }
  {
    const PrecisionScope scope(precision_, view.images);
    const OwnRowsScope own_rows(team_);
    encoding.features =
        backbone_->forward(projector_->num_image_channels() == 0
                               ? view.images
                               : WithPlanes(view.images, projector_->ImageChannels(descriptors)));
    encoding.projections =
        projector_->forward(projector_->FeaturesRead(encoding.features), descriptors);
  }
  for (at::Tensor* tensor : {&encoding.features, &encoding.projections}) {
    *tensor = AtLeastFloat32(*tensor);
    if (team_ != nullptr) *tensor = GatherRows(*tensor, rows, team_);
  }
  return encoding;
}

}  // namespace cassle
