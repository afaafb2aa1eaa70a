#include "cassle/eval/reporting/report_pictures.h"

#include <cstdint>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/data/images/codec.h"
#include "cassle/eval/charts/svg_check.h"

namespace cassle {
namespace {

constexpr int64_t kMaxBytes = 16 << 20;
constexpr int64_t kMaxPixels = 64000000;

// The whole file is decoded: what a browser cannot show is found here, not by the reader.
absl::Status CheckPng(const std::string& bytes) {
  if (SniffImageFormat(bytes) != v1::PNG) return absl::DataLossError("it is no PNG file");
  RgbImage pixels;
  DecodeLimits limits;
  limits.max_pixels = kMaxPixels;
  return DecodeImage(bytes, &pixels, limits);
}

}  // namespace

absl::StatusOr<std::string> PictureAsUri(const std::string& folder, const std::string& name) {
  const std::string path = JoinPath(folder, name);
  const auto problem = [&](absl::string_view what) {
    return absl::DataLossError(absl::StrCat(path, ": ", what));
  };
  if (name.empty() || name != BaseName(name) || name == "..") {
    return absl::DataLossError(
        absl::StrCat(folder, ": the picture '", name, "' is not a file of this folder"));
  }
  const bool svg = absl::EndsWith(name, ".svg");
  if (!svg && !absl::EndsWith(name, ".png")) return problem("pictures are .png or .svg");
  const auto size = FileSize(path);
  if (!size.ok()) return problem("the picture is missing");
  if (*size > kMaxBytes) return problem("the picture is larger than 16 MiB");
  CASSLE_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path));
  const absl::Status checked = svg ? CheckSvg(bytes) : CheckPng(bytes);
  if (!checked.ok()) return problem(checked.message());
  return absl::StrCat("data:image/", svg ? "svg+xml" : "png", ";base64,",
                      absl::Base64Escape(bytes));
}

}  // namespace cassle
