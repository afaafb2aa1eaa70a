#include "cassle/ssl/fine_tuning/classify.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/argmax.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/GradMode.h>

#include "cassle/base/status_macros.h"
#include "cassle/features/for_each_batch.h"

namespace cassle {
namespace {

constexpr int64_t kBatch = 256;

absl::StatusOr<std::vector<int>> ClassifyBatch(const FrozenEncoder& encoder,
                                               ConditionedProjector* head, const Dataset& images,
                                               const std::vector<int64_t>& rows, int64_t first,
                                               int64_t last) {
  const int64_t bytes = encoder.input_bytes();
  std::vector<uint8_t> pixels((last - first) * bytes);
  for (int64_t i = first; i < last; ++i) {
    v1::ImageRecord record;
    RgbImage image;
    CASSLE_RETURN_IF_ERROR(images.ReadImage(rows[i], &record, &image));
    CASSLE_RETURN_IF_ERROR(encoder.Prepare(image, pixels.data() + (i - first) * bytes));
  }
  CASSLE_ASSIGN_OR_RETURN(std::vector<float> features, encoder.Extract(pixels));
  const c10::NoGradGuard no_grad;
  const at::Tensor logits =
      head->forward(at::from_blob(features.data(), {last - first, encoder.feature_size()})
                        .to(head->parameters()[0].device()),
                    at::Tensor());
  const at::Tensor best = at::argmax(logits, 1).cpu().contiguous();
  const int64_t* values = best.data_ptr<int64_t>();
  return std::vector<int>(values, values + best.numel());
}

}  // namespace

absl::StatusOr<std::vector<int>> Classify(const FrozenEncoder& encoder, ConditionedProjector* head,
                                          const Dataset& images, const std::vector<int64_t>& rows,
                                          int threads,
                                          const std::function<bool(int64_t done)>& go_on) {
  const int64_t count = static_cast<int64_t>(rows.size());
  std::vector<int> classes;
  CASSLE_RETURN_IF_ERROR(InBatches<std::vector<int>>(
      count, kBatch, threads,
      [&](int64_t first, int64_t last) {
        return ClassifyBatch(encoder, head, images, rows, first, last);
      },
      [&](const std::vector<int>& of_batch, int64_t done) -> absl::Status {
        classes.insert(classes.end(), of_batch.begin(), of_batch.end());
        if (go_on(done)) return absl::OkStatus();
        return absl::CancelledError("interrupted; run the same command again");
      }));
  return classes;
}

}  // namespace cassle
