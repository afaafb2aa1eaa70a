// stage.textproto and the fingerprints of inputs: how one stage knows that what another wrote is
// complete.
#ifndef CASSLE_STAGE_STAGE_MANIFEST_H_
#define CASSLE_STAGE_STAGE_MANIFEST_H_

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cassle/stage/stage.pb.h"

namespace cassle {

// Name of the manifest inside an output folder.
inline constexpr char kManifestName[] = "stage.textproto";
// What an unfinished output was going to be; inside OUTPUT.partial only.
inline constexpr char kJobName[] = "job.textproto";
// Of the folder that becomes OUTPUT when its stage is done.
inline constexpr char kPartialEnding[] = ".partial";
// Of the folder that was OUTPUT, while --force replaces it. No name that people use: an output they
// keep may well be OUTPUT.old.
inline constexpr char kReplacedEnding[] = ".partial.replaced";
// Of what lies in OUTPUT.partial and is no part of the output, files and folders: it goes when that
// is complete and not before. What a run that was killed in between would go on from.
inline constexpr char kAsideEnding[] = ".aside";

// The manifest of a complete stage output.
// \error kNotFound if the folder is missing or is an unfinished output; kDataLoss if the manifest
// cannot be parsed.
absl::StatusOr<v1::StageManifest> ReadManifest(const std::string& folder);

// The manifest of a complete output, or of a run that is going on or was stopped: of OUTPUT.partial
// what its stage said of itself so far (StageContext::KeepRecord), without files and costs.
// \error as ReadManifest; kNotFound if the folder is missing or the stage has not said anything
// (yet).
absl::StatusOr<v1::StageManifest> ReadRecord(const std::string& folder);

// ReadManifest, and every file it lists is there with its size: what every reader of a stage folder
// calls first. Contents are not read: records and tensors carry checks of their own.
// \error as ReadManifest; kDataLoss naming the file that is missing or has another size.
absl::Status RequireComplete(const std::string& folder);

// RequireComplete, and the folder is of the kind that is wanted.
//   file  that every folder of this kind has: "model.textproto".
//   kind  what it is and who writes it: "model (pretrain, import-weights)".
// \error as RequireComplete; kFailedPrecondition naming the stage that wrote the folder.
absl::Status RequireKind(const std::string& folder, const std::string& file,
                         const std::string& kind);

// Fills `files` (sorted) and `fingerprint` from what is in the folder; the manifest itself is left
// out, and what is called kAsideEnding.
absl::Status FingerprintFiles(const std::string& folder, v1::StageManifest* manifest);

// Identity of an input: of a stage folder the fingerprint it was born with (after RequireComplete);
// of a file or any other folder the fingerprint of its bytes and names. Such folders are other
// people's: links are followed as in cassle/base/file_tree.h, and of what may not be read the name
// counts.
//   interrupted  asked again and again; true ends it. May be empty.
// \error kCancelled if interrupted; kInvalidArgument of a pipe.
absl::StatusOr<std::string> FingerprintInput(const std::string& path,
                                             const std::function<bool()>& interrupted = nullptr);

// The settings of StageManifest.options by their paths, in order: ("method.simclr.temperature",
// "0.2"). Values of a repeated field are joined by commas; of a message that is there, the choice
// of a method, say, the value is "chosen".
std::vector<std::pair<std::string, std::string>> SettingsOf(const std::string& options);

// Whether two outputs were made by the same stage and version with the same options and inputs.
bool SameBirth(const v1::StageManifest& a, const v1::StageManifest& b);

// Why two births differ, in words: the first settings that are not the same, or that inputs are
// not.
std::string DifferenceOfBirth(const v1::StageManifest& was, const v1::StageManifest& now);

}  // namespace cassle

#endif  // CASSLE_STAGE_STAGE_MANIFEST_H_
