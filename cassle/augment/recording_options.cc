#include "cassle/augment/recording_options.h"

#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cassle/augment/policies/policy.h"
#include "cassle/base/status_macros.h"

namespace cassle {
namespace {

using Options = v1::AugmentAndRecordOptions;

absl::Status CheckParts(const Options& options) {
  if (options.has_shard_index() != options.has_num_shards()) {
    return absl::InvalidArgumentError(
        "--shard_index and --num_shards go together: part I of N has --shard_index=I "
        "--num_shards=N");
  }
  const bool split = options.has_num_shards();
  if (split && options.shard_index() >= options.num_shards()) {
    return absl::InvalidArgumentError(absl::StrCat("--shard_index=", options.shard_index(),
                                                   " --num_shards=", options.num_shards(),
                                                   ": parts are counted from 0 to num_shards - 1"));
  }
  if (!split && options.merge().empty()) return absl::OkStatus();
  if (split && !options.merge().empty()) {
    return absl::InvalidArgumentError(
        "--merge puts all parts together: leave --shard_index and --num_shards out");
  }
  if (options.input() == "-") {
    return absl::InvalidArgumentError(
        "--input=- has no parts, since a stream does not say how long it is: name the data set "
        "folder");
  }
  if (!options.merge().empty() && options.output() == "-") {
    return absl::InvalidArgumentError("--merge writes a folder: --output=- is not possible");
  }
  return absl::OkStatus();
}

// Everything that decides which views the batch has is the training's.
absl::Status CheckStepOptions(const Options& options) {
  if (options.step() == 0) {
    return absl::InvalidArgumentError(
        "--step is missing: name the step of --run whose batch is wanted, from 1");
  }
  const bool one_epoch = options.epochs() == 1;
  for (const auto& [flag, given] :
       {std::pair("policy", !options.policy().empty()),
        std::pair("policy_file", !options.policy_file().empty()),
        std::pair("split", !options.split().empty()), std::pair("epochs", !one_epoch),
        std::pair("views", options.views() > 0), std::pair("seed", options.seed() > 0),
        std::pair("batch_size", options.batch_size() > 0)}) {
    if (!given) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("--", flag, ": with --run it is that of the training; leave it out"));
  }
  for (const auto& [flag, given] : {std::pair("shard_index", options.has_shard_index()),
                                    std::pair("num_shards", options.has_num_shards()),
                                    std::pair("merge", !options.merge().empty()),
                                    std::pair("contact_sheet", !options.contact_sheet().empty())}) {
    if (!given) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "--", flag,
        ": the output of --step is one folder, which has contact sheets of its images; "
        "leave it out"));
  }
  if (options.input() == "-" || options.output() == "-") {
    return absl::InvalidArgumentError("--run: --input and --output are folders, no streams");
  }
  return absl::OkStatus();
}

absl::Status CheckCompat(const Options& options, const v1::Policy& policy) {
  if (policy.compat() != v1::OFFICIAL) return absl::OkStatus();
  if (options.input() == "-") {
    return absl::InvalidArgumentError(absl::StrCat(
        "policy ", policy.name(),
        " has compat OFFICIAL, where draws are shared in a batch, and --input=- does not tell in "
        "which batch an image will come: name the data set folder"));
  }
  if (options.batch_size() < 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        "policy ", policy.name(),
        " has compat OFFICIAL, where draws are shared in a batch: give --batch_size=N, the batch "
        "size of the training that will read the views"));
  }
  return absl::OkStatus();
}

}  // namespace

v1::ImageFormat PixelFormat(const Options& options) {
  switch (options.store()) {
    case Options::RAW:
      return v1::RAW_RGB8;
    case Options::PNG:
      return v1::PNG;
    case Options::JPEG:
      return v1::JPEG;
    default:
      return v1::IMAGE_FORMAT_UNSPECIFIED;
  }
}

absl::Status CheckRecordingOptions(const Options& options) {
  if (!options.run().empty()) return CheckStepOptions(options);
  for (const auto& [flag, given] : {std::pair("--step", options.step() > 0),
                                    std::pair("--recorded", !options.recorded().empty())}) {
    if (!given) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(flag, " is of a training: name it by --run=OUTPUT of pretrain"));
  }
  if (options.input().empty()) {
    return absl::InvalidArgumentError("--input is missing: name a data set folder, or -");
  }
  if (options.input() == "-" && options.epochs() > 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("--input=- can be read only once, and --epochs=", options.epochs(),
                     " visits every image again: name the data set folder, or use --epochs=1"));
  }
  return CheckParts(options);
}

absl::StatusOr<v1::Policy> RecordingPolicy(const Options& options) {
  CASSLE_ASSIGN_OR_RETURN(const std::optional<v1::Policy> named, NamedPolicy(options));
  if (!named) return NoPolicyError("there is no policy");
  return *named;
}

absl::StatusOr<int> RecordingViews(const Options& options, const v1::Policy& policy) {
  CASSLE_RETURN_IF_ERROR(CheckCompat(options, policy));
  const int fixed = NumViews(policy);
  const int asked = static_cast<int>(options.views());
  if (fixed == 0) return asked == 0 ? 2 : asked;
  if (asked == 0 || asked == fixed) return fixed;
  return absl::InvalidArgumentError(absl::StrCat(
      "--views=", asked, " contradicts policy ", policy.name(), ", which fixes ", fixed,
      " views: leave --views out, or change the counts of `views` in the policy"));
}

}  // namespace cassle
