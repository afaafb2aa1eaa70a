// The batches of a data set, shared among ranks: number b is measured by rank b modulo their
// number, and rank 0 takes all of them in order, so that ranks change no byte.
#ifndef CASSLE_FEATURES_FOR_EACH_SHARED_BATCH_H_
#define CASSLE_FEATURES_FOR_EACH_SHARED_BATCH_H_

#include <algorithm>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cassle/base/status_macros.h"
#include "cassle/features/for_each_batch.h"
#include "cassle/runtime/ranks/team.h"

namespace cassle {

// As ForEachBatch, of results that travel as bytes: measure(first, last) ->
// absl::StatusOr<std::string> on the rank that has the batch, take(const std::string&) ->
// absl::Status on rank 0.
//   team  Null: this process alone.
template <class Measure, class Take>
absl::Status ForEachSharedBatch(const std::string& what, int64_t images, int64_t batch_size,
                                const StageContext& context, Team* team, const Measure& measure,
                                const Take& take) {
  if (team == nullptr) {
    return ForEachBatch<std::string>(what, images, batch_size, context, measure, take);
  }
  // Every rank takes part in every round, without a batch too.
  const int64_t batches = (images + batch_size - 1) / batch_size;
  const int64_t rounds = (batches + team->size() - 1) / team->size();
  const auto own = [&](int64_t round, int64_t) -> absl::StatusOr<std::string> {
    const int64_t first = (round * team->size() + team->rank()) * batch_size;
    if (first >= images) return std::string();
    return measure(first, std::min(first + batch_size, images));
  };
  return ForEachBatch<std::string>(
      what, rounds, /*batch_size=*/1, context, own,
      [&](const std::string& bytes) -> absl::Status {
        for (const std::string& part : team->GatherToFirst(bytes)) {
          if (part.empty()) continue;
          CASSLE_RETURN_IF_ERROR(take(part));
        }
        return absl::OkStatus();
      },
      "rounds of batches");
}

}  // namespace cassle

#endif  // CASSLE_FEATURES_FOR_EACH_SHARED_BATCH_H_
