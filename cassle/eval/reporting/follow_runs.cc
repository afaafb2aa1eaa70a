#include "cassle/eval/reporting/follow_runs.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/eval/reporting/report_collect.h"
#include "cassle/eval/reporting/report_html.h"
#include "cassle/eval/reporting/report_inputs.h"
#include "cassle/eval/reporting/training_curves.h"
#include "cassle/stage/folder_lock.h"
#include "cassle/stage/stage_manifest.h"

namespace cassle {
namespace {

// How soon a signal is noticed.
constexpr absl::Duration kGlance = absl::Milliseconds(100);

enum class RunState {
  kFinished,
  // A process works at it.
  kGoing,
  // Unfinished, and nobody works at it.
  kStopped,
};

struct FollowedRun {
  RunState state = RunState::kFinished;
  // Where it is when it is finished.
  std::string output;
  // Where its metrics are; empty: it has none yet.
  std::string folder;
};

std::string WithoutSlashes(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

absl::StatusOr<FollowedRun> LookAt(const std::string& result) {
  FollowedRun run;
  const std::string named = WithoutSlashes(result);
  run.output = std::string(absl::StripSuffix(named, kPartialEnding));
  const std::string partial = absl::StrCat(run.output, kPartialEnding);
  // Asked before whether it is there: what ends in between is found finished the next time.
  const bool going = IsBeingWritten(partial);
  const bool finished = FileExists(JoinPath(run.output, kManifestName));
  if (!IsDirectory(partial) || (finished && named == run.output)) {
    if (!finished) {
      // Says what is missing, and how to get it.
      CASSLE_RETURN_IF_ERROR(ReadManifest(run.output).status());
    }
    run.folder = run.output;
    return run;
  }
  run.state = going ? RunState::kGoing : RunState::kStopped;
  if (ReadRecord(partial).ok() && HoldsTraining(partial)) run.folder = partial;
  return run;
}

const char* InWords(RunState state) {
  switch (state) {
    case RunState::kFinished:
      return "finished";
    case RunState::kGoing:
      return "going on";
    case RunState::kStopped:
      return "stopped";
  }
  return "";
}

bool Any(const std::vector<FollowedRun>& runs, RunState state) {
  return std::any_of(runs.begin(), runs.end(),
                     [state](const FollowedRun& run) { return run.state == state; });
}

class Follower {
 public:
  Follower(v1::ReportOptions* options, const StageContext& context)
      : options_(*options), context_(context) {}

  absl::Status Run() {
    CASSLE_RETURN_IF_ERROR(CheckPage());
    bool said = false;
    while (true) {
      CASSLE_RETURN_IF_ERROR(LookAtAll());
      if (Finished()) return NameOutputs();
      const absl::Status written = WritePage();
      // A run that ended while it was read is found finished now.
      if (!written.ok() && !Changed()) return written;
      if (!said) context_.Say(absl::StrCat("open ", options_.follow(), " in a browser"));
      said = true;
      if (!Any(runs_, RunState::kGoing) && written.ok()) return Stopped();
      CASSLE_RETURN_IF_ERROR(Wait());
    }
  }

 private:
  absl::Status CheckPage() const {
    if (!absl::EndsWith(options_.follow(), ".html")) {
      return absl::InvalidArgumentError(absl::StrCat(
          "--follow=", options_.follow(), ": name a page to write, as --follow=page.html"));
    }
    const std::string folder = DirName(options_.follow());
    if (IsDirectory(folder)) return absl::OkStatus();
    return absl::PermissionDeniedError(absl::StrCat(
        "--follow: ", options_.follow(), " cannot be written: there is no folder ", folder));
  }

  absl::Status LookAtAll() {
    runs_.clear();
    for (const std::string& result : options_.results()) {
      CASSLE_ASSIGN_OR_RETURN(FollowedRun run, LookAt(result));
      runs_.push_back(std::move(run));
    }
    return absl::OkStatus();
  }

  bool Finished() const { return !Any(runs_, RunState::kGoing) && !Any(runs_, RunState::kStopped); }

  // Whether a run that was unfinished when it was looked at is not any more.
  bool Changed() const {
    return std::any_of(runs_.begin(), runs_.end(), [](const FollowedRun& run) {
      return run.state != RunState::kFinished &&
             !IsDirectory(absl::StrCat(run.output, kPartialEnding));
    });
  }

  absl::Status NameOutputs() {
    options_.clear_results();
    for (const FollowedRun& run : runs_) options_.add_results(run.output);
    // The last page, which loads itself no more.
    CASSLE_ASSIGN_OR_RETURN(const std::vector<ReportInput> inputs, ReadReportInputs(options_));
    CASSLE_ASSIGN_OR_RETURN(const v1::ReportTable table, CollectTable(options_, inputs));
    return WriteFileAtomically(options_.follow(), ReportHtml(table, inputs));
  }

  absl::Status WritePage() const {
    std::vector<std::string> folders;
    for (const FollowedRun& run : runs_) folders.push_back(run.folder);
    v1::ReportOptions shown = options_;
    shown.clear_columns();
    shown.clear_metric();
    CASSLE_ASSIGN_OR_RETURN(std::vector<ReportInput> inputs, ReadReportInputs(shown, folders));
    CASSLE_ASSIGN_OR_RETURN(const v1::ReportTable table, CollectTable(shown, inputs));
    ReportNews news;
    if (Any(runs_, RunState::kGoing)) {
      news.reload_seconds = std::max(1, static_cast<int>(std::ceil(options_.follow_seconds())));
    }
    auto input = inputs.begin();
    for (const FollowedRun& run : runs_) {
      // Only of an unfinished one the page does not say everything below.
      const std::string progress = run.folder.empty() ? "" : (input++)->progress;
      const std::string& name = progress.empty() ? run.output : progress;
      news.lines.push_back(
          absl::StrCat(name, run.folder.empty() ? ": no step yet" : "", ", ", InWords(run.state)));
    }
    return WriteFileAtomically(options_.follow(), ReportHtml(table, inputs, news));
  }

  absl::Status Stopped() const {
    std::vector<std::string> stopped;
    for (const FollowedRun& run : runs_) {
      if (run.state == RunState::kStopped) stopped.push_back(run.output);
    }
    return absl::UnavailableError(absl::StrCat(
        absl::StrJoin(stopped, ", "), stopped.size() == 1 ? " is" : " are",
        " not finished, and no process works at it; ", options_.follow(),
        " shows how far it came: run its stage again, which goes on, and then this command"));
  }

  absl::Status Wait() const {
    const absl::Time until = absl::Now() + absl::Seconds(options_.follow_seconds());
    while (absl::Now() < until) {
      if (context_.interrupted()) {
        return absl::CancelledError(
            absl::StrCat("interrupted; ", options_.follow(), " stays as it is"));
      }
      absl::SleepFor(std::min(kGlance, until - absl::Now()));
    }
    return absl::OkStatus();
  }

  v1::ReportOptions& options_;
  const StageContext& context_;
  // One per result.
  std::vector<FollowedRun> runs_;
};

}  // namespace

absl::Status FollowRuns(v1::ReportOptions* options, const StageContext& context) {
  if (!options->follow().empty()) return Follower(options, context).Run();
  for (const std::string& result : options->results()) {
    if (!absl::EndsWith(WithoutSlashes(result), kPartialEnding)) continue;
    return absl::NotFoundError(absl::StrCat(
        result,
        " is not a complete stage output: add --follow=page.html, which shows a training "
        "while it goes on, or name a complete one"));
  }
  return absl::OkStatus();
}

}  // namespace cassle
