// The metrics of a training run: metrics.jsonl (one JSON object a line) and a TensorBoard event
// file beside it.
//
// Both files only grow, and every record is in the file when Write returns, so `tail -f` works. A
// checkpoint stores the position; opening the log there again cuts off whatever was written after
// the checkpoint, and so a resumed run leaves the same bytes as an undisturbed one.
#ifndef CASSLE_TRAINING_LOG_METRICS_LOG_H_
#define CASSLE_TRAINING_LOG_METRICS_LOG_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cassle/training_log/metrics.pb.h"

namespace cassle {

inline constexpr char kMetricsFile[] = "metrics.jsonl";
// A fixed name: TensorBoard wants "tfevents" in it, and usually host and time stand there.
inline constexpr char kEventsFile[] = "events.out.tfevents.0.cassle";

// Sizes of the two files, bytes.
struct MetricsPosition {
  int64_t metrics_bytes = 0;
  int64_t events_bytes = 0;
};

// Not thread-safe.
class MetricsLog {
 public:
  // Creates the files in `folder`, or cuts existing ones back to `position`.
  // \error kDataLoss if a file is shorter than `position` says; kPermissionDenied if it cannot be
  // opened.
  static absl::StatusOr<std::unique_ptr<MetricsLog>> Open(const std::string& folder,
                                                          const MetricsPosition& position);
  ~MetricsLog();

  // \error kResourceExhausted if the disk is full.
  absl::Status Write(const v1::TrainMetrics& metrics);

  // Makes everything written durable and returns where the files end.
  absl::StatusOr<MetricsPosition> Sync();

 private:
  MetricsLog() = default;

  struct File {
    std::string path;
    int descriptor = -1;
    int64_t size = 0;
  };
  static absl::Status OpenAt(int64_t position, File* file);
  static absl::Status Append(const std::string& bytes, File* file);

  File metrics_;
  File events_;
};

}  // namespace cassle

#endif  // CASSLE_TRAINING_LOG_METRICS_LOG_H_
