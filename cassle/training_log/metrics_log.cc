#include "cassle/training_log/metrics_log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/base/text_proto.h"
#include "cassle/training_log/event_writer.h"

namespace cassle {
namespace {

using v1::TrainMetrics;

// What TensorBoard plots.
struct Scalar {
  const char* tag;
  bool (TrainMetrics::*has)() const;
  double (TrainMetrics::*value)() const;
  // Over epochs instead of steps.
  bool of_epoch;
};

constexpr Scalar kScalars[] = {
    {"train/loss", &TrainMetrics::has_loss, &TrainMetrics::loss, false},
    {"train/learning_rate", &TrainMetrics::has_learning_rate, &TrainMetrics::learning_rate, false},
    {"train/gradient_norm", &TrainMetrics::has_gradient_norm, &TrainMetrics::gradient_norm, false},
    {"projection/spread", &TrainMetrics::has_projection_spread, &TrainMetrics::projection_spread,
     false},
    {"projection/matched_cosine", &TrainMetrics::has_matched_cosine, &TrainMetrics::matched_cosine,
     false},
    {"projection/unmatched_cosine", &TrainMetrics::has_unmatched_cosine,
     &TrainMetrics::unmatched_cosine, false},
    {"projection/rank", &TrainMetrics::has_projection_rank, &TrainMetrics::projection_rank, false},
    {"feature/spread", &TrainMetrics::has_feature_spread, &TrainMetrics::feature_spread, false},
    {"feature/rank", &TrainMetrics::has_feature_rank, &TrainMetrics::feature_rank, false},
    {"epoch/loss", &TrainMetrics::has_epoch_loss, &TrainMetrics::epoch_loss, true},
    {"monitor/probe_accuracy", &TrainMetrics::has_probe_accuracy, &TrainMetrics::probe_accuracy,
     true},
    {"monitor/knn_accuracy", &TrainMetrics::has_knn_accuracy, &TrainMetrics::knn_accuracy, true},
    {"monitor/validation_accuracy", &TrainMetrics::has_validation_accuracy,
     &TrainMetrics::validation_accuracy, true},
};

absl::Status WriteError(const std::string& path) {
  return absl::ResourceExhaustedError(absl::StrCat("cannot write ", path, ": ", strerror(errno)));
}

}  // namespace

absl::StatusOr<std::unique_ptr<MetricsLog>> MetricsLog::Open(const std::string& folder,
                                                             const MetricsPosition& position) {
  std::unique_ptr<MetricsLog> log(new MetricsLog);
  log->metrics_.path = JoinPath(folder, kMetricsFile);
  log->events_.path = JoinPath(folder, kEventsFile);
  CASSLE_RETURN_IF_ERROR(OpenAt(position.metrics_bytes, &log->metrics_));
  CASSLE_RETURN_IF_ERROR(OpenAt(position.events_bytes, &log->events_));
  if (position.events_bytes == 0) {
    CASSLE_RETURN_IF_ERROR(Append(EventFileHeader(), &log->events_));
  }
  return log;
}

MetricsLog::~MetricsLog() {
  if (metrics_.descriptor >= 0) close(metrics_.descriptor);
  if (events_.descriptor >= 0) close(events_.descriptor);
}

absl::Status MetricsLog::OpenAt(int64_t position, File* file) {
  file->descriptor = open(file->path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  if (file->descriptor < 0) {
    return absl::PermissionDeniedError(
        absl::StrCat("cannot open ", file->path, " for writing: ", strerror(errno)));
  }
  struct stat status;
  if (fstat(file->descriptor, &status) != 0) return WriteError(file->path);
  if (status.st_size < position) {
    return absl::DataLossError(absl::StrCat(
        file->path, " has ", status.st_size, " bytes, but the checkpoint was taken when it had ",
        position, ": the folder was changed from outside; remove ", DirName(file->path),
        " to start over"));
  }
  if (ftruncate(file->descriptor, position) != 0) return WriteError(file->path);
  if (lseek(file->descriptor, position, SEEK_SET) < 0) return WriteError(file->path);
  file->size = position;
  return absl::OkStatus();
}

absl::Status MetricsLog::Append(const std::string& bytes, File* file) {
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t written = write(file->descriptor, bytes.data() + done, bytes.size() - done);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return WriteError(file->path);
    done += static_cast<size_t>(written);
  }
  file->size += static_cast<int64_t>(bytes.size());
  return absl::OkStatus();
}

absl::Status MetricsLog::Write(const v1::TrainMetrics& metrics) {
  CASSLE_ASSIGN_OR_RETURN(std::string line, ToJson(metrics));
  CASSLE_RETURN_IF_ERROR(Append(line + "\n", &metrics_));
  std::string events;
  for (const Scalar& scalar : kScalars) {
    if (!(metrics.*scalar.has)()) continue;
    events += ScalarEvent(scalar.tag, scalar.of_epoch ? metrics.epoch() : metrics.step(),
                          static_cast<float>((metrics.*scalar.value)()));
  }
  return Append(events, &events_);
}

absl::StatusOr<MetricsPosition> MetricsLog::Sync() {
  if (fsync(metrics_.descriptor) != 0) return WriteError(metrics_.path);
  if (fsync(events_.descriptor) != 0) return WriteError(events_.path);
  return MetricsPosition{metrics_.size, events_.size};
}

}  // namespace cassle
