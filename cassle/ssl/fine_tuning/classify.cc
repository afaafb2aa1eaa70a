#include "cassle/ssl/fine_tuning/classify.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/argmax.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <optional>

#include "cassle/base/status_macros.h"
#include "cassle/base/thread_pool.h"
#include "cassle/runtime/torch_runtime.h"

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
  using Answers = absl::StatusOr<std::vector<int>>;
  OrderedPipeline<Answers> batches(
      threads, 0, (count + kBatch - 1) / kBatch, /*look_ahead=*/threads + 1, [&](int64_t batch) {
        ConfigureTorchThread();
        return ClassifyBatch(encoder, head, images, rows, batch * kBatch,
                             std::min((batch + 1) * kBatch, count));
      });
  std::vector<int> classes;
  while (const std::optional<Answers> answers = batches.Next()) {
    CASSLE_RETURN_IF_ERROR(answers->status());
    classes.insert(classes.end(), (*answers)->begin(), (*answers)->end());
    if (!go_on(static_cast<int64_t>(classes.size()))) {
      return absl::CancelledError("interrupted; run the same command again");
    }
  }
  return classes;
}

}  // namespace cassle
