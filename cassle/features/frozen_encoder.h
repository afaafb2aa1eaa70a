// FrozenEncoder: a trained network that is only read. Images or views go in; features come out, of
// the backbone or of every block on the way, and what the projector makes of them.
//
//   CASSLE_ASSIGN_OR_RETURN(const auto encoder, FrozenEncoder::Create(spec, backbone, {}));
//   CASSLE_RETURN_IF_ERROR(encoder->Prepare(image, pixels.data()));
//   CASSLE_ASSIGN_OR_RETURN(const std::vector<float> features, encoder->Extract(pixels));
//
//   CASSLE_ASSIGN_OR_RETURN(const auto encoder, FrozenEncoder::Load(folder, {}));
//   CASSLE_ASSIGN_OR_RETURN(const std::vector<at::Tensor> layers, encoder->Layers(views.pixels));
//   CASSLE_ASSIGN_OR_RETURN(at::Tensor z, encoder->Project(layers.back(), views.descriptors));
#ifndef CASSLE_FEATURES_FROZEN_ENCODER_H_
#define CASSLE_FEATURES_FROZEN_ENCODER_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "cassle/data/images/image.h"
#include "cassle/models/networks/backbone.h"
#include "cassle/models/networks/conditioning.h"
#include "cassle/models/networks/model.pb.h"
#include "cassle/models/networks/readout.pb.h"
#include "cassle/models/weights/batch_tensor.h"
#include "cassle/models/weights/preprocessing.h"

namespace cassle {

// Name of the layer whose output `embed` writes, and of what comes after it.
inline constexpr char kBackboneLayer[] = "backbone";
inline constexpr char kProjectorLayer[] = "projector";

struct FrozenEncoderOptions {
  // Shorter side after resizing, pixels; 0 means the model's image size. Not below that size.
  int resize_px = 0;
  // Ten crops per image (torchvision's TenCrop) instead of the central one.
  bool ten_crops = false;
  // Convolutions in bfloat16.
  bool bfloat16 = false;
  // Batch norm uses the statistics of the batch, as in training, instead of the running ones.
  bool batch_statistics = false;
  // Where in the backbone features are read (readout.h); empty: its features.
  v1::Readout readout = {};
  // Where the networks are moved, as option --device (ResolveDevice); empty: they stay.
  std::string device = {};
};

// It computes where the backbone's weights are. Thread-safe: several threads may compute at once,
// each on one thread of its own after ConfigureTorchThread(). A row depends on its image, and in
// the last bits on the number of images it came with; with batch statistics on all images of the
// batch; never on threads.
class FrozenEncoder {
 public:
  // Puts the backbone, and the projector if there is one, into evaluation mode (training mode with
  // batch statistics), without gradients.
  // \error kInvalidArgument if resize_px is below the model's image size; as ResolveReadout and
  // ResolveDevice.
  static absl::StatusOr<std::unique_ptr<FrozenEncoder>> Create(
      const v1::ModelSpec& spec, std::shared_ptr<Backbone> backbone,
      const FrozenEncoderOptions& options,
      std::shared_ptr<ConditionedProjector> projector = nullptr);

  // The encoder of a model folder of pretrain or import-weights, and its projector if `projector`
  // says so and it has one.
  // \error as ReadModelSpec, LoadBackbone, LoadProjector and Create.
  static absl::StatusOr<std::unique_ptr<FrozenEncoder>> Load(const std::string& folder,
                                                             const FrozenEncoderOptions& options,
                                                             bool projector = true);

  // The authors' evaluation (transfer_linear_eval.py): the shorter side is resized bicubically, the
  // centre cropped. The square network inputs of one image: input_bytes() are written to `pixels`.
  absl::Status Prepare(const RgbImage& image, uint8_t* pixels) const;

  // [n, image_size, image_size, 3] bytes, normalised here with the model's mean and std
  // -> [n * rows_per_view(), feature_size()] row-major. Values may be infinite or NaN if the
  // encoder is broken: the caller checks, it knows the images' names.
  // \error as TorchFailure (torch_guard.h) if it cannot compute; so do the others.
  absl::StatusOr<std::vector<float>> Extract(const std::vector<uint8_t>& pixels) const;

  // "stem", "block 1" .. "block 4", "backbone".
  static const std::vector<std::string>& LayerNames();
  // Their outputs [n, ...] (Backbone::ForwardStages) for the same pixels.
  absl::StatusOr<std::vector<at::Tensor>> Layers(const std::vector<uint8_t>& pixels) const;

  bool has_projector() const { return projector_ != nullptr; }
  // The projector reads descriptors.
  bool is_told() const { return has_projector() && projector_->reads_descriptor(); }
  // Of the projector, which must be there.
  const v1::ProjectorSpec& projector_spec() const { return projector_->spec(); }
  // [n, P] of features [n, feature_size()] and descriptors [n, D] row-major.
  absl::StatusOr<at::Tensor> Project(const at::Tensor& features,
                                     const std::vector<float>& descriptors) const;
  // [n, P] row-major of features as Extract gives them, by a projector that reads no descriptor.
  absl::StatusOr<std::vector<float>> Project(const std::vector<float>& features) const;

  const v1::ModelSpec& spec() const { return spec_; }
  bool batch_statistics() const { return options_.batch_statistics; }
  int image_size() const { return spec_.image_size(); }
  int64_t feature_size() const { return feature_size_; }
  // More than 1 where the readout is of all patches.
  int64_t rows_per_view() const { return rows_per_view_; }
  // Resolved, as text; empty for the backbone's own features.
  const std::string& readout_text() const { return readout_text_; }
  // For people: empty for the backbone's own features.
  std::string readout_in_words() const;
  // Network inputs per image: 1 or 10.
  int64_t views() const { return options_.ten_crops ? 10 : 1; }
  int64_t input_bytes() const { return views() * image_size() * image_size() * 3; }
  // Shorter side of an image before the crop, pixels.
  int resize_px() const {
    return options_.resize_px == 0 ? spec_.image_size() : options_.resize_px;
  }
  // Fingerprints of everything that turns an image into a feature: the weights, and all the rest.
  const std::string& weights_fingerprint() const { return weights_fingerprint_; }
  std::string preprocess_fingerprint() const {
    return PreprocessFingerprint(spec_, resize_px(), options_.bfloat16, readout_text_);
  }

 private:
  FrozenEncoder(const v1::ModelSpec& spec, std::shared_ptr<Backbone> backbone,
                std::shared_ptr<ConditionedProjector> projector,
                const FrozenEncoderOptions& options);

  // [n, channels, image_size, image_size] float32, channels-last, where the backbone is.
  at::Tensor Input(const std::vector<uint8_t>& pixels) const;
  // The features of such pixels, there. Throws what LibTorch throws.
  at::Tensor Read(const std::vector<uint8_t>& pixels) const;
  absl::Status MeasureReadout();
  // What `compute` returns, with LibTorch's exceptions as statuses.
  template <class Function>
  auto Guarded(const Function& compute) const -> absl::StatusOr<decltype(compute())>;

  const v1::ModelSpec spec_;
  const FrozenEncoderOptions options_;
  const std::shared_ptr<Backbone> backbone_;
  const std::shared_ptr<ConditionedProjector> projector_;
  const PixelNormalizer normalizer_;
  const std::string weights_fingerprint_;
  const std::string readout_text_;
  int64_t feature_size_ = 0;
  int64_t rows_per_view_ = 1;
  // In training mode batch norm moves its running statistics, though nothing reads them.
  mutable absl::Mutex training_mode_;
};

}  // namespace cassle

#endif  // CASSLE_FEATURES_FROZEN_ENCODER_H_
