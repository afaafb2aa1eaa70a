// LayeredEncoder: what a trained encoder makes of views at every block of its backbone, and behind
// its projector.
//
//   CASSLE_ASSIGN_OR_RETURN(auto encoder, LayeredEncoder::Load({.model = folder}));
//   CASSLE_ASSIGN_OR_RETURN(std::vector<at::Tensor> layers, encoder->Layers(views.pixels, n));
//   CASSLE_ASSIGN_OR_RETURN(at::Tensor z, encoder->Project(layers.back(), views.descriptors));
#ifndef CASSLE_EVAL_LAYERED_ENCODER_H_
#define CASSLE_EVAL_LAYERED_ENCODER_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "cassle/augment/descriptor.h"
#include "cassle/augment/policy.pb.h"
#include "cassle/eval/evaluation.pb.h"
#include "cassle/models/backbone.h"
#include "cassle/models/batch_tensor.h"
#include "cassle/models/conditioning.h"

namespace cassle {

// Name of the layer whose output `embed` writes, and of what comes after it.
inline constexpr char kBackboneLayer[] = "backbone";
inline constexpr char kProjectorLayer[] = "projector";

struct LayeredEncoderOptions {
  // Model folder of pretrain or import-weights.
  std::string model;
  // A preset, or a text proto, instead of the policy that the folder names. At most one.
  std::string policy;
  std::string policy_file;
  // Descriptor groups that the projector was told, for folders that do not say. Empty: all that the
  // policy has.
  std::vector<std::string> groups;
  // Batch norm uses the statistics of the batch, as in training, instead of the running ones.
  bool batch_statistics = false;
  // Without it the folder's projector is not looked at.
  bool with_projector = true;
};

// Thread-safe. Rows depend on their image (with batch statistics: on all images of the batch), not
// on threads.
class LayeredEncoder {
 public:
  // \error as LoadBackbone and LoadProjector; kInvalidArgument for a policy that is wrong, or if
  // neither folder nor options name one; kFailedPrecondition if the projector was told another
  // number of values than the groups of the policy have.
  static absl::StatusOr<std::unique_ptr<LayeredEncoder>> Load(const LayeredEncoderOptions& options);

  // "stem", "block 1" .. "block 4", "backbone".
  static const std::vector<std::string>& LayerNames();

  // Outputs of these layers [n, ...] (Backbone::ForwardStages) for n images of image_size().
  //   pixels  [n, image_size(), image_size(), 3] bytes.
  // \error kInternal with LibTorch's message if it cannot compute (out of memory, say).
  absl::StatusOr<std::vector<at::Tensor>> Layers(const std::vector<uint8_t>& pixels,
                                                 int64_t n) const;
  // Only the last of them, [n, feature_size].
  absl::StatusOr<at::Tensor> Features(const std::vector<uint8_t>& pixels, int64_t n) const;

  bool has_projector() const { return projector_ != nullptr; }
  // The projector reads descriptors.
  bool is_told() const { return has_projector() && projector_->reads_descriptor(); }
  // [n, P] of features [n, feature_size] and descriptors [n, layout().size()].
  absl::StatusOr<at::Tensor> Project(const at::Tensor& features,
                                     const std::vector<float>& descriptors) const;

  int image_size() const { return spec_.image_size(); }
  // How views were drawn in training (or what the options say instead).
  const v1::Policy& policy() const { return policy_; }
  // Of the descriptors that the projector reads; empty without.
  const DescriptorLayout& layout() const { return layout_; }

  // Who is measured, for the result of `stage`.
  v1::Evaluation Describe(const std::string& stage) const;

 private:
  LayeredEncoder() = default;
  absl::Status LoadPolicyOf(const LayeredEncoderOptions& options);
  absl::Status CheckDescriptor(const std::vector<std::string>& named);

  v1::ModelSpec spec_;
  v1::Policy policy_;
  DescriptorLayout layout_;
  std::shared_ptr<Backbone> backbone_;
  std::shared_ptr<ConditionedProjector> projector_;
  std::unique_ptr<PixelNormalizer> normalizer_;
  std::string weights_fingerprint_;
  bool batch_statistics_ = false;
  // In training mode batch norm moves its running statistics, though nothing reads them.
  mutable absl::Mutex training_mode_;
};

}  // namespace cassle

#endif  // CASSLE_EVAL_LAYERED_ENCODER_H_
