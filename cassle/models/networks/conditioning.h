// The projector of a self-supervised method, told or not told which augmentation made each view.
//
// CASSLE (Przewięźlikowski et al. 2023, arXiv:2306.06082) gives the projector the descriptor of the
// view beside the features, so that the features need not become blind to what the descriptor
// explains. Without conditioning it is the method's usual projector: one module, one code path, so
// that both differ in nothing else.
//
//   NONE          z = mlp(features)
//   RAW           z = mlp(inject(features, descriptor))
//   MLP           z = mlp(inject(features, conditioner(descriptor)))
//   HYPERNETWORK  z = mlp(features) with weights made from the descriptor (generated_mlp.h)
//
//   inject        CONCATENATION [a, s b], ADDITION a + s b, MULTIPLICATION a * b (value by value);
//                 s is the strength, 1 in the authors' code
//   conditioner   MLP: `depth` linear layers of width `width`, each followed by batch norm (the
//                 last unless final_norm is false), ReLU between them, none at the end. To be added
//                 or multiplied its last layer has as many values as there are features; and RAW
//                 gets one linear layer with bias for that purpose, unless the descriptor has as
//                 many values already.
//
// IMAGE_CHANNELS (named, but not implemented in the authors' code) injects elsewhere: the values of
// descriptor or conditioner are constant planes of the image, and z = mlp(features). The module
// then makes them (ImageChannels); who owns the backbone appends them to the images.
//
// Source: cond_utils.py (AugProjector) and models.py (load_mlp) of github.com/gmum/CASSLE, tested
// against its numbers. Unlike there, a conditioner of depth 1 works, and RAW can be added and
// multiplied whatever the sizes.
#ifndef CASSLE_MODELS_NETWORKS_CONDITIONING_H_
#define CASSLE_MODELS_NETWORKS_CONDITIONING_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "cassle/models/networks/conditioning.pb.h"
#include "cassle/models/networks/generated_mlp.h"
#include "cassle/models/networks/mlp.h"
#include "cassle/models/networks/module.h"
#include "cassle/models/networks/projector.pb.h"

namespace cassle {

// Fills in the defaults of unset fields (NONE, depth 6, width 64; CONCATENATION with RAW and MLP).
// \error InvalidArgument if a field is out of range, or is set to what the treatment has no use
// for. With NONE nothing else matters: a grid of runs may pass the same settings to all.
absl::StatusOr<v1::ConditioningConfig> ResolveConditioning(const v1::ConditioningConfig& config);

// The treatment of a resolved configuration in words: "none", "mlp", "raw by addition",
// "hypernetwork with batch norm, predictor too", "mlp of differences". Concatenation goes without
// saying.
std::string DescribeTreatment(const v1::ConditioningConfig& resolved);

// Children: "conditioner" (with MLP, and with RAW where it needs one), and "mlp".
class ConditionedProjector : public Module {
 public:
  // features    [B, F] from the backbone
  // descriptor  [B, D], row i describes the view that made row i; ignored with NONE and may then be
  //             undefined
  // Returns     [B, out]
  // Throws c10::Error if the sizes do not fit.
  at::Tensor forward(const at::Tensor& features, const at::Tensor& descriptor);

  // How many planes the backbone gets beside R G B; 0 but with IMAGE_CHANNELS.
  int64_t num_image_channels() const { return num_image_channels_; }
  // Their values: [B, D] -> [B, num_image_channels()].
  at::Tensor ImageChannels(const at::Tensor& descriptor);

  // What forward takes of a backbone's features [B, all]: the first F of them, in most cases all.
  at::Tensor FeaturesRead(const at::Tensor& features) const;
  // Whether forward reads the descriptor.
  bool reads_descriptor() const { return conditioned_; }
  // Everything MakeProjector needs; the groups are those of the configuration.
  const v1::ProjectorSpec& spec() const { return spec_; }

 private:
  friend absl::StatusOr<std::shared_ptr<ConditionedProjector>> MakeConditionedProjector(
      const v1::ConditioningConfig&, int64_t, const MlpOptions&, uint64_t);
  friend absl::StatusOr<std::shared_ptr<ConditionedProjector>> MakeConditionedPredictor(
      const v1::ConditioningConfig&, int64_t, const MlpOptions&, uint64_t);
  static absl::StatusOr<std::shared_ptr<ConditionedProjector>> Create(
      const v1::ConditioningConfig& config, int64_t descriptor_size, const MlpOptions& mlp,
      uint64_t seed, const std::string& streams);
  ConditionedProjector() = default;
  absl::Status Build(const v1::ConditioningConfig& resolved, int64_t descriptor_size,
                     const MlpOptions& mlp);
  at::Tensor Inject(const at::Tensor& features, const at::Tensor& descriptor);

  v1::ProjectorSpec spec_;
  bool conditioned_ = false;
  int64_t num_image_channels_ = 0;
  v1::Injection injection_ = v1::CONCATENATION;
  double strength_ = 1;
  // Null with RAW where the descriptor needs no change, with NONE and HYPERNETWORK.
  std::shared_ptr<Mlp> conditioner_;
  // One of the two.
  std::shared_ptr<Mlp> mlp_;
  std::shared_ptr<GeneratedMlp> generated_mlp_;
};

// How many planes the backbone gets beside R G B: as ConditionedProjector::num_image_channels().
int64_t NumImageChannels(const v1::ConditioningConfig& resolved, int64_t descriptor_size);

// Builds and initialises (streams named "projector." + parameter name; see Module::Initialize).
//   descriptor_size  D: the size of the chosen groups' descriptor (DescriptorLayout::size()); not
//                    read with NONE.
//   mlp              the projector as the method wants it; mlp.in is F, the size of the features
//                    alone.
// \error InvalidArgument if the configuration is invalid, the descriptor is empty although it is
// needed, or a hypernetwork would be unreasonably large (from 2^31 weights on: 8 GiB).
absl::StatusOr<std::shared_ptr<ConditionedProjector>> MakeConditionedProjector(
    const v1::ConditioningConfig& config, int64_t descriptor_size, const MlpOptions& mlp,
    uint64_t seed);

// The same network again from its description; for weights that are then loaded into it.
// \error InvalidArgument as MakeConditionedProjector, and for a size or a depth below 1.
absl::StatusOr<std::shared_ptr<ConditionedProjector>> MakeProjector(const v1::ProjectorSpec& spec);

// Whether anything is told of the augmentations.
inline bool IsConditioned(const v1::ConditioningConfig& config) {
  return config.treatment() != v1::NONE && config.treatment() != v1::TREATMENT_UNSPECIFIED;
}

// Whether the predictor of a method that has one is to be conditioned.
inline bool ConditionsPredictor(const v1::ConditioningConfig& config) {
  return config.predictor() && IsConditioned(config);
}

// Whether views are to be described by how they differ from each other. What the descriptors are is
// not the projector's business: cassle/ssl/method/relative_conditioning.h.
inline bool ConditionsRelatively(const v1::ConditioningConfig& config) {
  return config.relative() && IsConditioned(config);
}

// The same for the predictor of BYOL, SimSiam or MoCo-v3: `mlp` is the predictor, its features are
// the projections, and the streams are named "predictor." + parameter name. Not in the authors'
// code. For where ConditionsPredictor(config); elsewhere a predictor is a plain Mlp.
absl::StatusOr<std::shared_ptr<ConditionedProjector>> MakeConditionedPredictor(
    const v1::ConditioningConfig& config, int64_t descriptor_size, const MlpOptions& mlp,
    uint64_t seed);

}  // namespace cassle

#endif  // CASSLE_MODELS_NETWORKS_CONDITIONING_H_
