// Pictures of result folders as text of a page.
#ifndef CASSLE_EVAL_REPORTING_REPORT_PICTURES_H_
#define CASSLE_EVAL_REPORTING_REPORT_PICTURES_H_

#include <string>

#include "absl/status/statusor.h"

namespace cassle {

// "data:image/png;base64,..." or "data:image/svg+xml;base64,..." of the file `name` in `folder`.
// \error kDataLoss naming the file if its name leads out of the folder or has another ending, it is
// missing, larger than 16 MiB, no PNG of at most 64 million pixels, or an SVG that CheckSvg
// refuses.
absl::StatusOr<std::string> PictureAsUri(const std::string& folder, const std::string& name);

}  // namespace cassle

#endif  // CASSLE_EVAL_REPORTING_REPORT_PICTURES_H_
