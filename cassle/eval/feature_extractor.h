// FeatureExtractor: decoded images -> features of a frozen encoder.
#ifndef CASSLE_EVAL_FEATURE_EXTRACTOR_H_
#define CASSLE_EVAL_FEATURE_EXTRACTOR_H_

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cassle/data/image.h"
#include "cassle/models/model.pb.h"

namespace cassle {

class Backbone;

struct FeatureExtractorOptions {
  // Shorter side after resizing, pixels; 0 means the model's image size. Not below that size.
  int resize_px = 0;
  // Ten crops per image (torchvision's TenCrop) instead of the central one.
  bool ten_crops = false;
  // Convolutions in bfloat16.
  bool bfloat16 = false;
};

// The authors' evaluation (transfer_linear_eval.py): the shorter side is resized bicubically, the
// centre cropped, bytes normalised with the model's mean and std, and the encoder runs in
// evaluation mode: batch norm uses its running statistics. It computes where the backbone's weights
// are.
//
// Thread-safe: several threads may call Extract at once, each computing on one thread of its own
// after ConfigureTorchThread(). A row depends on its image, and in the last bits on the number of
// images it came with; not on the other images and not on threads.
class FeatureExtractor {
 public:
  // Puts the backbone into evaluation mode.
  // \error InvalidArgument if resize_px is below the model's image size.
  static absl::StatusOr<FeatureExtractor> Create(const v1::ModelSpec& spec,
                                                 std::shared_ptr<Backbone> backbone,
                                                 const FeatureExtractorOptions& options);

  // The square network inputs of one image: views() * image_size * image_size * 3 bytes are
  // written to `pixels`.
  absl::Status Prepare(const RgbImage& image, uint8_t* pixels) const;
  // [n, image_size, image_size, 3] bytes -> [n, feature_size()] row-major. Values may be infinite
  // or NaN if the encoder is broken: the caller checks, it knows the images' names.
  // \error Internal with LibTorch's message if it cannot compute (out of memory, say).
  absl::StatusOr<std::vector<float>> Extract(const std::vector<uint8_t>& pixels) const;

  int64_t image_size() const { return image_size_; }
  int64_t feature_size() const;
  // Network inputs per image: 1 or 10.
  int64_t views() const { return ten_crops_ ? 10 : 1; }
  // Fingerprints of everything that turns an image into a feature: the weights; all the rest
  // but the place of the crop: what was learnt from ten crops is tested on one.
  const std::string& weights_fingerprint() const { return weights_fingerprint_; }
  const std::string& preprocess_fingerprint() const { return preprocess_fingerprint_; }

 private:
  FeatureExtractor() = default;

  std::shared_ptr<Backbone> backbone_;
  int image_size_ = 0;
  int resize_px_ = 0;
  bool ten_crops_ = false;
  bool bfloat16_ = false;
  // [channel][byte]: the normalised value.
  std::array<std::array<float, 256>, 3> normalized_;
  // Values of the channels after R G B.
  std::vector<float> extra_channels_;
  std::string weights_fingerprint_;
  std::string preprocess_fingerprint_;
};

}  // namespace cassle

#endif  // CASSLE_EVAL_FEATURE_EXTRACTOR_H_
