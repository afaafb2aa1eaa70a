#include "cassle/stage/stage.h"

#include <glog/logging.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "cassle/base/escaped_name.h"
#include "cassle/base/file.h"
#include "cassle/base/fingerprint.h"
#include "cassle/base/out_of_memory.h"
#include "cassle/base/status_macros.h"
#include "cassle/base/text_proto.h"
#include "cassle/stage/folder_lock.h"
#include "cassle/stage/options.h"
#include "cassle/stage/own_folders.h"
#include "cassle/stage/stage_manifest.h"

namespace cassle {
namespace {

double CpuSeconds() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec +
         1e-6 * (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

int64_t PeakMemoryBytes() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return int64_t{usage.ru_maxrss} * 1024;
}

std::string Identity(const v1::StageManifest& birth) {
  Fingerprinter identity;
  identity.UpdateField(birth.stage());
  identity.UpdateField(absl::StrCat(birth.version()));
  identity.UpdateField(birth.options());
  for (const v1::InputFingerprint& input : birth.inputs()) {
    identity.UpdateField(input.field());
    identity.UpdateField(input.fingerprint());
  }
  return identity.Hex();
}

// What must be the same on all ranks.
StageTeam::Identity IdentityOf(const v1::StageManifest& birth) {
  StageTeam::Identity identity = {{"stage", absl::StrCat(birth.stage(), " ", birth.version())},
                                  {"options", birth.options()}};
  for (const v1::InputFingerprint& input : birth.inputs()) {
    identity.emplace_back(absl::StrCat("--", input.field()), input.fingerprint());
  }
  return identity;
}

std::string StringField(const google::protobuf::Message& options, const std::string& name) {
  const auto* field = options.GetDescriptor()->FindFieldByName(name);
  return field == nullptr ? "" : options.GetReflection()->GetString(options, field);
}

}  // namespace

std::string StageContext::input_fingerprint(const std::string& field) const {
  for (const v1::InputFingerprint& input : birth_.inputs()) {
    if (input.field() == field) return input.fingerprint();
  }
  return "";
}

absl::Status StageContext::SetResult(const google::protobuf::Message& result) {
  CASSLE_ASSIGN_OR_RETURN(result_json_, ToJson(result));
  return absl::OkStatus();
}

absl::Status StageContext::KeepRecord() const {
  if (output_dir_.empty()) return absl::OkStatus();
  const std::string path = JoinPath(output_dir_, kJobName);
  v1::StageJob job;
  CASSLE_RETURN_IF_ERROR(ReadStoredTextProto(path, &job));
  *job.mutable_so_far() = birth_;
  AddCountsAndNotes(job.mutable_so_far());
  return WriteFileAtomically(path, PrintTextProto(job));
}

void StageContext::AddCountsAndNotes(v1::StageManifest* manifest) const {
  for (const auto& [name, value] : counts_) {
    v1::Count* count = manifest->add_counts();
    count->set_name(name);
    count->set_value(value);
  }
  for (const std::string& note : notes_) manifest->add_notes(note);
}

void StageContext::Note(const std::string& sentence) {
  notes_.push_back(OneLine(sentence));
  if (working_) Say(sentence);
}

void StageContext::NoteWarning(const std::string& sentence) {
  notes_.push_back(OneLine(sentence));
  Warn(sentence);
}

int StageContext::threads() const {
  return std::max(1, settings_.threads / (team_ == nullptr ? 1 : team_->local_size()));
}

void StageContext::Say(const std::string& line) const {
  if (leads()) LOG(INFO) << stage_name_ << ": " << OneLine(line);
}

void StageContext::Warn(const std::string& line) const {
  if (leads()) LOG(WARNING) << stage_name_ << ": " << OneLine(line);
}

// One run of one stage: the steps of RunStageWork with their shared state.
class StageRunner {
 public:
  StageRunner(const StageInfo& info, const google::protobuf::Message& options,
              const StageSettings& settings)
      : info_(info),
        settings_(settings),
        context_(settings),
        options_(options.New()),
        start_(absl::Now()),
        cpu_start_(CpuSeconds()) {
    options_->CopyFrom(options);
    context_.stage_name_ = info.name;
  }

  absl::StatusOr<StageOutcome> Run(const StageWork& work) {
    const bool has_output = options_->GetDescriptor()->FindFieldByName("output") != nullptr;
    CASSLE_RETURN_IF_ERROR(ApplyDefaults(options_.get()));
    CASSLE_RETURN_IF_ERROR(CheckRanges(*options_));
    CASSLE_RETURN_IF_ERROR(CheckStreams(*options_));
    if (info_.check) CASSLE_RETURN_IF_ERROR(info_.check(*options_));
    output_ = StringField(*options_, "output");
    if (info_.resolve) CASSLE_RETURN_IF_ERROR(info_.resolve(options_.get(), &context_));
    while (output_.size() > 1 && output_.back() == '/') output_.pop_back();
    if (info_.team) {
      CASSLE_ASSIGN_OR_RETURN(context_.team_, info_.team(*options_, context_));
    }
    if (!context_.leads()) return Follow(work);
    const absl::StatusOr<StageOutcome> outcome = Lead(work, has_output);
    if (context_.team() != nullptr && !begun_) context_.team()->Dismiss(outcome.status());
    return outcome;
  }

 private:
  absl::StatusOr<StageOutcome> Lead(const StageWork& work, bool has_output) {
    if (!has_output) return WithoutOutput(work);
    if (output_.empty()) {
      return absl::InvalidArgumentError("--output is missing: name the folder to write");
    }
    if (output_ == "-") {
      context_.streaming_ = true;
      return WithoutOutput(work);
    }
    if (absl::EndsWith(output_, kPartialEnding)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "--output=", output_, ": .partial is the ending of unfinished outputs: name another"));
    }
    CASSLE_RETURN_IF_ERROR(CheckOutsideInputs());
    CASSLE_RETURN_IF_ERROR(CheckSideOutputs());
    CASSLE_RETURN_IF_ERROR(DescribeBirth());
    partial_ = absl::StrCat(output_, kPartialEnding);
    replaced_ = absl::StrCat(output_, kReplacedEnding);
    FolderLock lock;
    CASSLE_ASSIGN_OR_RETURN(const bool up_to_date, LockUnlessUpToDate(&lock));
    if (up_to_date) {
      // Of a run that was killed after its last step but this. Who still holds the lock of what he
      // has published removes it himself.
      if (!IsBeingWritten(output_)) RemoveOwn(replaced_).IgnoreError();
      context_.Say(absl::StrCat("up to date: ", output_));
      return StageOutcome{true, output_, manifest_};
    }
    CASSLE_RETURN_IF_ERROR(PreparePartial());
    if (!finished_before_) CASSLE_RETURN_IF_ERROR(Work(work));
    CASSLE_RETURN_IF_ERROR(Publish());
    return StageOutcome{false, output_, manifest_};
  }

  // A rank that does not lead: the work, and nothing else.
  absl::StatusOr<StageOutcome> Follow(const StageWork& work) {
    const absl::Status described = DescribeBirth();
    CASSLE_RETURN_IF_ERROR(described.ok() ? Together(work) : context_.team()->End(described));
    return StageOutcome{/*up_to_date=*/!begun_, "", manifest_};
  }

  // The work of this process, and of the others if it is not alone.
  absl::Status Together(const StageWork& work) {
    const auto own = [&] { return work(*options_, context_); };
    if (context_.team() == nullptr) return CatchOutOfMemory(own);
    CASSLE_RETURN_IF_ERROR(CheckRepeatable());
    // What rank 0 fails with from here on, Begin and End tell the others; before, Dismiss.
    begun_ = context_.leads();
    CASSLE_ASSIGN_OR_RETURN(begun_, context_.team()->Begin(IdentityOf(manifest_)));
    return begun_ ? context_.team()->End(CatchOutOfMemory(own)) : absl::OkStatus();
  }

  absl::Status CheckRepeatable() const {
    if (repeatable_) return absl::OkStatus();
    return absl::InvalidArgumentError(
        "an input is a stream (-), which only one process can read: leave --ranks out, or name a "
        "folder");
  }

  absl::StatusOr<StageOutcome> WithoutOutput(const StageWork& work) {
    BeginWork();
    CASSLE_RETURN_IF_ERROR(Together(work));
    CASSLE_RETURN_IF_ERROR(FillManifest());
    return StageOutcome{false, "", manifest_};
  }

  // What is written over an input is not there for the next run, even where it may be replaced;
  // what is written inside of a folder that is read would be an input of it. A stage's output is
  // known by its manifest, whatever else lies in it.
  absl::Status CheckOutsideInputs() const {
    for (const auto& [field, path] : PathsOfRole(*options_, v1::INPUT)) {
      if (!FileExists(path)) continue;
      std::error_code unknown;
      // Of a relative path that does not exist only its absolute form has a beginning that does.
      const auto resolved = [&](const std::string& named) {
        return std::filesystem::weakly_canonical(std::filesystem::absolute(named), unknown);
      };
      const auto holds = [](const std::filesystem::path& folder,
                            const std::filesystem::path& other) {
        const std::filesystem::path between = other.lexically_relative(folder);
        return !between.empty() && *between.begin() != "..";
      };
      const std::filesystem::path input = resolved(path), output = resolved(output_);
      if (holds(output, input)) {
        return absl::InvalidArgumentError(
            absl::StrCat("--output=", output_, input == output ? " is" : " holds", " --", field,
                         "=", path, ", which would be replaced: name another folder"));
      }
      if (!IsDirectory(path) || FileExists(JoinPath(path, kManifestName))) continue;
      if (!holds(input, output)) continue;
      return absl::InvalidArgumentError(
          absl::StrCat("--output=", output_, " lies in --", field, "=", path,
                       " and would be read with it next time: name a folder outside"));
    }
    return absl::OkStatus();
  }

  // They are written last, but what is wrong with them should be said first.
  absl::Status CheckSideOutputs() const {
    for (const auto& [field, path] : PathsOfRole(*options_, v1::SIDE_OUTPUT)) {
      const std::string folder = DirName(path);
      std::string why;
      if (!IsDirectory(folder)) {
        why = absl::StrCat("there is no folder ", folder);
      } else if (IsDirectory(path)) {
        why = "it is a folder";
      } else if (access(folder.c_str(), W_OK) != 0) {
        why = std::strerror(errno);
      }
      if (why.empty()) continue;
      return absl::PermissionDeniedError(
          absl::StrCat("--", field, ": ", path, " cannot be written: ", why));
    }
    return absl::OkStatus();
  }

  absl::Status DescribeBirth() {
    manifest_.set_stage(info_.name);
    manifest_.set_version(info_.version);
    manifest_.set_options(CanonicalOptions(*options_));
    for (const auto& [field, path] : PathsOfRole(*options_, v1::INPUT)) {
      if (path == "-") {
        // A stream cannot be asked twice: such a run is never up to date and never resumed.
        repeatable_ = false;
        continue;
      }
      const absl::StatusOr<std::string> fingerprint =
          FingerprintInput(path, [this] { return context_.interrupted(); });
      if (!fingerprint.ok()) return Annotate(fingerprint.status(), absl::StrCat("--", field));
      v1::InputFingerprint* input = manifest_.add_inputs();
      input->set_field(field);
      input->set_fingerprint(*fingerprint);
    }
    if (info_.named_inputs && repeatable_) {
      CASSLE_ASSIGN_OR_RETURN(const std::string named, info_.named_inputs(*options_, context_));
      if (!named.empty()) {
        v1::InputFingerprint* input = manifest_.add_inputs();
        input->set_field("named files");
        input->set_fingerprint(named);
      }
    }
    context_.birth_ = manifest_;
    VLOG(1) << info_.name << ": options " << manifest_.options();
    for (const v1::InputFingerprint& input : manifest_.inputs()) {
      VLOG(1) << info_.name << ": --" << input.field() << " has fingerprint "
              << input.fingerprint();
    }
    VLOG(1) << info_.name << ": inputs read after " << Elapsed();
    return absl::OkStatus();
  }

  // True if the output is there and is what this run would make.
  absl::StatusOr<bool> CheckExistingOutput() {
    if (!FileExists(output_)) {
      if (!IsLink(output_)) return false;
      return absl::AlreadyExistsError(absl::StrCat(
          output_, " is a link that leads nowhere: remove it, or name another output"));
    }
    if (!FileExists(JoinPath(output_, kManifestName))) {
      const absl::StatusOr<std::vector<std::string>> names = ListDirectory(output_);
      if (names.ok() && names->empty()) return false;
      return absl::AlreadyExistsError(absl::StrCat(
          output_, " exists and is not a stage output; it is left alone: name another folder"));
    }
    const absl::StatusOr<v1::StageManifest> was = ReadManifest(output_);
    if (settings_.force) return false;
    if (!was.ok()) return was.status();
    if (!SameBirth(*was, manifest_)) {
      return absl::AlreadyExistsError(
          absl::StrCat(output_, " exists and was made ", DifferenceOfBirth(*was, manifest_),
                       ": name another folder, or replace it with --force"));
    }
    if (!repeatable_) {
      return absl::AlreadyExistsError(
          absl::StrCat(output_, " exists: name another folder, or replace it with --force"));
    }
    // Damaged since, or a picture beside it is wanted that is not there: make it again.
    if (!RequireComplete(output_).ok()) return false;
    for (const auto& [field, path] : PathsOfRole(*options_, v1::SIDE_OUTPUT)) {
      if (!FileExists(path)) return false;
    }
    manifest_ = *was;
    return true;
  }

  // True if the output is there and is what this run would make; else the lock is held. Looks again
  // once it has the lock: another process may have finished the same output meanwhile.
  absl::StatusOr<bool> LockUnlessUpToDate(FolderLock* lock) {
    while (true) {
      const absl::StatusOr<bool> up_to_date = CheckExistingOutput();
      if (!up_to_date.ok() || *up_to_date) {
        // The folder that was made for the lock; one that holds something stays.
        std::error_code not_empty;
        if (lock->held()) std::filesystem::remove(partial_, not_empty);
        return up_to_date;
      }
      if (lock->held()) return false;
      CASSLE_RETURN_IF_ERROR(RequireOwn(replaced_));
      CASSLE_RETURN_IF_ERROR(MakeDirectories(partial_));
      CASSLE_RETURN_IF_ERROR(lock->Take(partial_, output_));
    }
  }

  // Whether a folder of these names has more than the note of whose it is.
  static bool HasBegun(const std::vector<std::string>& names) {
    return names != std::vector<std::string>{kJobName};
  }

  absl::Status PreparePartial() {
    CASSLE_RETURN_IF_ERROR(RequireOwn(partial_));
    context_.output_dir_ = partial_;
    const std::string identity = repeatable_ ? Identity(manifest_) : "";
    CASSLE_ASSIGN_OR_RETURN(const std::vector<std::string> left, ListDirectory(partial_));
    if (!left.empty()) {
      // Killed between its last two steps: only the renaming is missing.
      const absl::StatusOr<v1::StageManifest> done = ReadFinishedPartial();
      if (done.ok() && repeatable_ && SameBirth(*done, manifest_)) {
        context_.Say(absl::StrCat("finishing ", output_));
        manifest_ = *done;
        finished_before_ = true;
        return absl::OkStatus();
      }
      v1::StageJob job;
      const bool known =
          ReadTextProto(JoinPath(partial_, kJobName), &job).ok() && !job.identity().empty();
      const bool same = known && job.identity() == identity;
      // It may be weeks of training.
      if (info_.resumable && (known ? !same && HasBegun(left) : done.ok()) && !settings_.force) {
        return absl::AlreadyExistsError(absl::StrCat(
            partial_,
            " is of another run that has not ended, with other options, inputs or another "
            "version: start that one again, name another output, or discard it with --force"));
      }
      if (same && info_.resumable) {
        context_.resumed_ = true;
        context_.Say(absl::StrCat("going on from ", partial_));
        // Else they would be taken for output.
        CASSLE_RETURN_IF_ERROR(RemoveTornWrites());
      } else {
        context_.Say(absl::StrCat("starting over: ", partial_,
                                  same ? " was interrupted" : " was another job"));
        CASSLE_RETURN_IF_ERROR(EmptyOwn(partial_));
      }
    }
    if (!context_.resumed_) {
      v1::StageJob job;
      job.set_identity(identity);
      const absl::Status begun =
          WriteFileAtomically(JoinPath(partial_, kJobName), PrintTextProto(job));
      // A folder that holds nothing yet.
      if (!begun.ok()) RemoveOwn(partial_).IgnoreError();
      return begun;
    }
    return absl::OkStatus();
  }

  std::string Elapsed() const {
    return absl::StrCat(absl::ToDoubleSeconds(absl::Now() - start_), " s, ",
                        CpuSeconds() - cpu_start_, " s of processors");
  }

  absl::StatusOr<v1::StageManifest> ReadFinishedPartial() const {
    v1::StageManifest manifest;
    CASSLE_RETURN_IF_ERROR(ReadTextProto(JoinPath(partial_, kManifestName), &manifest));
    return manifest;
  }

  // Removes what WriteFileAtomically (whose suffix this is) left when the process died.
  absl::Status RemoveTornWrites() const {
    CASSLE_ASSIGN_OR_RETURN(const std::vector<std::string> files, ListFilesBelow(partial_));
    for (const std::string& file : files) {
      if (!absl::EndsWith(file, ".tmp")) continue;
      CASSLE_RETURN_IF_ERROR(RemoveAll(JoinPath(partial_, file)));
    }
    return absl::OkStatus();
  }

  void BeginWork() {
    context_.working_ = true;
    for (const std::string& note : context_.notes_) context_.Say(note);
  }

  absl::Status Work(const StageWork& work) {
    BeginWork();
    absl::Status status = Together(work);
    VLOG(1) << info_.name << ": work " << (status.ok() ? "done" : "ended") << " after "
            << Elapsed();
    if (status.ok()) status = WriteManifest();
    if (!status.ok()) {
      // What cannot be resumed, or has not begun, is of no use to anybody.
      const absl::StatusOr<std::vector<std::string>> names = ListDirectory(partial_);
      const bool begun = names.ok() && HasBegun(*names);
      if (!info_.resumable || !begun) RemoveOwn(partial_).IgnoreError();
    }
    return status;
  }

  absl::Status WriteManifest() {
    CASSLE_RETURN_IF_ERROR(FillManifest());
    return WriteFileAtomically(JoinPath(partial_, kManifestName), PrintTextProto(manifest_));
  }

  absl::Status FillManifest() {
    manifest_.set_stage(info_.name);
    if (!context_.output_dir_.empty()) {
      CASSLE_RETURN_IF_ERROR(FingerprintFiles(context_.output_dir_, &manifest_));
    }
    context_.AddCountsAndNotes(&manifest_);
    manifest_.set_result_json(context_.result_json_);
    if (!settings_.omit_costs) {
      v1::StageCosts* costs = manifest_.mutable_costs();
      costs->set_wall_seconds(absl::ToDoubleSeconds(absl::Now() - start_));
      costs->set_cpu_seconds(CpuSeconds() - cpu_start_);
      costs->set_peak_memory_bytes(PeakMemoryBytes());
      for (const auto& [name, seconds] : context_.spent_) {
        v1::TimeSpent* spent = costs->add_spent();
        spent->set_name(name);
        spent->set_seconds(seconds);
      }
    }
    return absl::OkStatus();
  }

  // From the moment the manifest is there, the work is done: killed anywhere in here, the next
  // start only publishes.
  absl::Status Publish() {
    VLOG(1) << info_.name << ": files fingerprinted after " << Elapsed();
    CASSLE_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDirectory(partial_));
    for (const std::string& name : names) {
      if (name != kJobName && !absl::EndsWith(name, kAsideEnding)) continue;
      CASSLE_RETURN_IF_ERROR(RemoveAll(JoinPath(partial_, name)));
    }
    CASSLE_RETURN_IF_ERROR(SyncDirectory(partial_));
    if (FileExists(output_)) {
      CASSLE_RETURN_IF_ERROR(RemoveOwn(replaced_));
      CASSLE_RETURN_IF_ERROR(Rename(output_, replaced_));
    }
    CASSLE_RETURN_IF_ERROR(Rename(partial_, output_));
    // Perhaps put there by a run that was killed before it came to this line.
    CASSLE_RETURN_IF_ERROR(RemoveOwn(replaced_));
    return SyncDirectory(DirName(output_));
  }

  const StageInfo& info_;
  const StageSettings& settings_;
  StageContext context_;
  std::unique_ptr<google::protobuf::Message> options_;
  const absl::Time start_;
  const double cpu_start_;
  std::string output_;
  std::string partial_;
  std::string replaced_;
  bool repeatable_ = true;
  bool finished_before_ = false;
  // The other ranks know what becomes of the work.
  bool begun_ = false;
  v1::StageManifest manifest_;
};

absl::StatusOr<StageOutcome> RunStageWork(const StageInfo& info,
                                          const google::protobuf::Message& options,
                                          const StageSettings& settings, const StageWork& work) {
  return StageRunner(info, options, settings).Run(work);
}

}  // namespace cassle
