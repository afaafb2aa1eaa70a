// What a training of pretrain says of its batches: enough to make any of them again.
//
// Read from the folder itself, finished (OUTPUT) or not (OUTPUT.partial):
//   stage.textproto or job.textproto   settings, fingerprints of what it read (ReadRecord in
//                                      cassle/stage/stage_manifest.h), how many views it takes
//   policy.textproto                   the policy of the views
#ifndef CASSLE_AUGMENT_TRAINING_RECORD_H_
#define CASSLE_AUGMENT_TRAINING_RECORD_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "cassle/augment/operations/policy.pb.h"

namespace cassle {

// What is counted in the record of a training: views of an image in a batch.
inline constexpr char kViewsCount[] = "views";

struct TrainingRecord {
  v1::Policy policy;
  std::string split;
  uint64_t seed = 0;
  int64_t batch_size = 0;
  int64_t epochs = 0;
  // Views that the trainer takes of an image: of a policy that fixes more, the first ones.
  int views = 0;
  // Fingerprints of the data set and of the recorded views; empty: it had none.
  std::string input_fingerprint;
  std::string views_fingerprint;
};

// \error kNotFound if there is no such training, or it has not begun; kFailedPrecondition if the
// folder is of another stage; kDataLoss naming what is damaged.
absl::StatusOr<TrainingRecord> ReadTrainingRecord(const std::string& run);

// Of everything in the record, 32 hexadecimal digits; empty without a run.
// \error as ReadTrainingRecord.
absl::StatusOr<std::string> FingerprintOfTraining(const std::string& run);

}  // namespace cassle

#endif  // CASSLE_AUGMENT_TRAINING_RECORD_H_
