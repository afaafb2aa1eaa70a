// Where the lines of a stage go. glog takes them all: what a stage says (severity INFO), what it
// warns of (WARNING), why it failed (ERROR), and with --v what the harness decides and how long
// things took (VLOG).
//
//   stderr       for people: the bare line, or with --log_prefix glog's prefix. stdout is for
//                programs: it carries the result and nothing else.
//   --log_dir    the same lines in files of glog, with severity, time and thread; that is where
//                time stamps belong.
#ifndef CASSLE_STAGE_STAGE_LOG_H_
#define CASSLE_STAGE_STAGE_LOG_H_

#include <string>

#include "absl/status/status.h"

namespace cassle {

struct StageLogOptions {
  // A folder for log files, made if it is not there; empty: none.
  std::string folder;
  // Severity, time, thread and place before each line on stderr.
  bool prefix = false;
};

// Once per process, after google::InitGoogleLogging. Whatever it returns, lines go to stderr from
// then on.
// \error kPermissionDenied or kResourceExhausted if the folder cannot be made or written.
absl::Status StartStageLog(const StageLogOptions& options);

}  // namespace cassle

#endif  // CASSLE_STAGE_STAGE_LOG_H_
