#include "cassle/stage/stage_log.h"

#include <glog/logging.h>
#include <unistd.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/stage/moving_line.h"

namespace cassle {
namespace {

class StderrLines : public google::LogSink {
 public:
  explicit StderrLines(bool prefix) : prefix_(prefix) {}

  void send(google::LogSeverity severity, const char*, const char* file, int line,
            const google::LogMessageTime& time, const char* message, size_t length) override {
    // What LibTorch's networking met on its way to an error that the stage names.
    if (absl::StartsWith(absl::string_view(message, length), "[c10d]")) return;
    const std::string text = prefix_ ? ToString(severity, file, line, time, message, length)
                                     : std::string(message, length);
    WriteStderrLine(text);
  }

 private:
  const bool prefix_;
};

void WriteNoFiles() {
  // Without a folder glog would take /tmp.
  for (int severity = 0; severity < google::NUM_SEVERITIES; ++severity) {
    google::SetLogDestination(severity, "");
  }
}

absl::Status PrepareFolder(const std::string& folder) {
  CASSLE_RETURN_IF_ERROR(Annotate(MakeDirectories(folder), "--log_dir"));
  if (access(folder.c_str(), W_OK) == 0) return absl::OkStatus();
  return absl::PermissionDeniedError(absl::StrCat("--log_dir: ", folder, " cannot be written"));
}

}  // namespace

absl::Status StartStageLog(const StageLogOptions& options) {
  // Lives as long as the process: lines come until its end.
  static StderrLines* const lines = new StderrLines(options.prefix);
  google::AddLogSink(lines);
  const absl::Status status =
      options.folder.empty() ? absl::OkStatus() : PrepareFolder(options.folder);
  if (options.folder.empty() || !status.ok()) WriteNoFiles();
  return status;
}

}  // namespace cassle
