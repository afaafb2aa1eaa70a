// The projector of a self-supervised method, told or not told which augmentation made each view.
//
// CASSLE (Przewięźlikowski et al. 2023, arXiv:2306.06082) gives the projector the descriptor of the
// view beside the features, so that the features need not become blind to what the descriptor
// explains. Without conditioning it is the method's usual projector: one module, one code path, so
// that both differ in nothing else.
//
//   NONE   z = mlp(features)
//   MLP    z = mlp([features, conditioner(descriptor)])    conditioner: depth linear layers of
//   width `width`, each
//                                                          followed by batch norm, ReLU between
//                                                          them, none at the end
//
// Source: cond_utils.py (AugProjector) and models.py (load_mlp) of github.com/gmum/CASSLE, tested
// against its numbers; unlike there, a conditioner of depth 1 works.
#ifndef CASSLE_MODELS_CONDITIONING_H_
#define CASSLE_MODELS_CONDITIONING_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "cassle/models/conditioning.pb.h"
#include "cassle/models/mlp.h"
#include "cassle/models/module.h"

namespace cassle {

// Fills in the defaults of unset fields (depth 6, width 64, NONE).
// \error InvalidArgument if a field is out of range.
absl::StatusOr<v1::ConditioningConfig> ResolveConditioning(const v1::ConditioningConfig& config);

// Children: "conditioner" (absent with NONE) and "mlp".
class ConditionedProjector : public Module {
 public:
  // features    [B, F] from the backbone
  // descriptor  [B, D], row i describes the view that made row i; ignored with NONE and may then be
  // undefined Returns     [B, out] Throws c10::Error if the sizes do not fit.
  at::Tensor forward(const at::Tensor& features, const at::Tensor& descriptor);

 private:
  friend absl::StatusOr<std::shared_ptr<ConditionedProjector>> MakeConditionedProjector(
      const v1::ConditioningConfig&, int64_t, const MlpOptions&, uint64_t);
  ConditionedProjector() = default;

  std::shared_ptr<Mlp> conditioner_;
  std::shared_ptr<Mlp> mlp_;
};

// Builds and initialises (streams named "projector." + parameter name; see Module::Initialize).
//   descriptor_size  D: the size of the chosen groups' descriptor (DescriptorLayout::size()); not
//   read with NONE. mlp              the projector as the method wants it; mlp.in is F, the size of
//   the features alone.
// \error InvalidArgument if the configuration is invalid or the descriptor is empty although it is
// needed.
absl::StatusOr<std::shared_ptr<ConditionedProjector>> MakeConditionedProjector(
    const v1::ConditioningConfig& config, int64_t descriptor_size, const MlpOptions& mlp,
    uint64_t seed);

}  // namespace cassle

#endif  // CASSLE_MODELS_CONDITIONING_H_
