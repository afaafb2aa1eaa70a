// Batches of images, measured on several threads and taken in order.
#ifndef CASSLE_FEATURES_FOR_EACH_BATCH_H_
#define CASSLE_FEATURES_FOR_EACH_BATCH_H_

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cassle/base/status_macros.h"
#include "cassle/base/thread_pool.h"
#include "cassle/runtime/torch_runtime.h"
#include "cassle/stage/progress.h"
#include "cassle/stage/stage.h"

namespace cassle {

// measure(first, last) -> absl::StatusOr<T> runs for images first .. last-1 of every batch, the
// last of which may be smaller, on `threads` threads at once, each of which computes tensors by
// itself; take(const T&, done) -> absl::Status then gets the results in order, with the number of
// images so far, so that threads change no byte.
// \error the first of measure or take.
template <class T, class Measure, class Take>
absl::Status InBatches(int64_t images, int64_t batch_size, int threads, const Measure& measure,
                       const Take& take) {
  struct Result {
    absl::Status status;
    T value;
  };
  OrderedPipeline<Result> results(threads, 0, (images + batch_size - 1) / batch_size,
                                  /*look_ahead=*/threads + 1, [&](int64_t batch) {
                                    ConfigureTorchThread();
                                    Result result;
                                    const int64_t first = batch * batch_size;
                                    absl::StatusOr<T> value =
                                        measure(first, std::min(first + batch_size, images));
                                    result.status = value.status();
                                    if (value.ok()) result.value = *std::move(value);
                                    return result;
                                  });
  int64_t done = 0;
  while (std::optional<Result> result = results.Next()) {
    CASSLE_RETURN_IF_ERROR(result->status);
    done = std::min(done + batch_size, images);
    CASSLE_RETURN_IF_ERROR(take(result->value, done));
  }
  return absl::OkStatus();
}

// The same for a stage: on context.threads() threads, take(const T&), with the progress as `what`
// and `unit`.
// \error also kCancelled when interrupted.
template <class T, class Measure, class Take>
absl::Status ForEachBatch(const std::string& what, int64_t images, int64_t batch_size,
                          const StageContext& context, const Measure& measure, const Take& take,
                          const char* unit = "images") {
  std::optional<Progress> progress;
  if (context.leads()) progress.emplace(what, images, unit);
  return InBatches<T>(images, batch_size, context.threads(), measure,
                      [&](const T& value, int64_t done) -> absl::Status {
                        if (context.interrupted()) {
                          return absl::CancelledError("interrupted; run the same command again");
                        }
                        CASSLE_RETURN_IF_ERROR(take(value));
                        if (progress.has_value()) progress->Set(done);
                        return absl::OkStatus();
                      });
}

}  // namespace cassle

#endif  // CASSLE_FEATURES_FOR_EACH_BATCH_H_
