#include "cassle/data/sources/item_pixels.h"

#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cassle/base/status_macros.h"
#include "cassle/data/images/image_names.h"

namespace cassle {

absl::StatusOr<std::optional<ImageFileContent>> LoadPixels(const DecodeLimits& limits,
                                                           SourceItem* item) {
  if (!item->problem.empty()) return absl::DataLossError(item->problem);
  if (item->load) CASSLE_RETURN_IF_ERROR(item->load(item));
  if (item->pixels.height > 0) return std::optional<ImageFileContent>();
  CASSLE_ASSIGN_OR_RETURN(ImageFileContent content,
                          DecodeImageFile(item->file, limits, &item->pixels));
  std::vector<std::string>& remarks = item->remarks;
  std::move(content.remarks.begin(), content.remarks.end(), std::back_inserter(remarks));
  content.remarks.clear();
  const absl::string_view named = ImageFormatOfName(item->key);
  if (!named.empty() && named != content.format) {
    remarks.push_back(
        absl::StrCat(content.format, " images named as ", named, ": the content decides"));
  }
  return std::optional<ImageFileContent>(std::move(content));
}

}  // namespace cassle
