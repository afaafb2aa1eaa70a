#include "cassle/ssl/training_links.h"

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/base/text_proto.h"
#include "cassle/ssl/pretrain_stage.h"
#include "cassle/stage/stage_manifest.h"

namespace cassle {
namespace {

// The manifest without what may differ from link to link.
v1::StageManifest OfTheChain(v1::StageManifest manifest) {
  std::vector<std::string> lines;
  for (const absl::string_view line : absl::StrSplit(manifest.options(), '\n')) {
    if (!absl::StartsWith(line, "stop_epoch:")) lines.emplace_back(line);
  }
  manifest.set_options(absl::StrJoin(lines, "\n"));
  const std::vector<v1::InputFingerprint> inputs(manifest.inputs().begin(),
                                                 manifest.inputs().end());
  manifest.clear_inputs();
  for (const v1::InputFingerprint& input : inputs) {
    if (input.field() != "begin") *manifest.add_inputs() = input;
  }
  return manifest;
}

}  // namespace

absl::Status CheckLinks(const v1::PretrainOptions& options, const v1::StageManifest& birth) {
  if (options.stop_epoch() > 0 && options.stop_epoch() >= options.epochs()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--stop_epoch=", options.stop_epoch(), ": expected ",
        options.epochs() > 1 ? absl::StrCat("1 to ", options.epochs() - 1, ", less than --epochs")
                             : "none: --epochs=1 is one link",
        "; leave it out for the last link"));
  }
  if (options.begin().empty()) return absl::OkStatus();
  CASSLE_ASSIGN_OR_RETURN(const v1::StageManifest before, ReadManifest(options.begin()));
  if (before.stage() != PretrainInfo().name) {
    return absl::FailedPreconditionError(
        absl::StrCat("--begin: ", options.begin(), " was written by ", before.stage(),
                     "; name the output of pretrain with --stop_epoch"));
  }
  const v1::StageManifest was = OfTheChain(before), now = OfTheChain(birth);
  if (!SameBirth(was, now)) {
    return absl::FailedPreconditionError(absl::StrCat(
        "--begin: ", options.begin(), " is a link of another training: ",
        DifferenceOfBirth(was, now), "; links differ in --begin and --stop_epoch only"));
  }
  v1::PretrainOptions config;
  CASSLE_RETURN_IF_ERROR(ReadStoredTextProto(JoinPath(options.begin(), kConfigFile), &config));
  if (config.stop_epoch() == 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("--begin: ", options.begin(),
                     " is a finished run, and no link of one: it was trained "
                     "without --stop_epoch"));
  }
  if (options.stop_epoch() > 0 && options.stop_epoch() <= config.stop_epoch()) {
    return absl::FailedPreconditionError(absl::StrCat("--stop_epoch=", options.stop_epoch(), ": ",
                                                      options.begin(), " has epoch ",
                                                      config.stop_epoch(), " behind it already"));
  }
  return absl::OkStatus();
}

}  // namespace cassle
