#include "cassle/ssl/method/relative_columns.h"

#include <ATen/ops/cat.h>
#include <c10/util/Exception.h>

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace cassle {

absl::StatusOr<RelativeColumns> RelativeColumns::Find(const std::vector<RelativeGroup>& all,
                                                      const std::vector<std::string>& groups) {
  RelativeColumns found;
  for (const RelativeGroup& group : all) {
    const bool wanted = std::find(groups.begin(), groups.end(), group.name) != groups.end();
    if (wanted) {
      found.groups_.push_back({found.total_, group.size});
      found.size_ += group.size;
    }
    found.total_ += group.size;
  }
  for (const std::string& name : groups) {
    const auto is_it = [&name](const RelativeGroup& group) { return group.name == name; };
    if (std::any_of(all.begin(), all.end(), is_it)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("the views are not described relative to each other by group \"", name,
                     "\": add it to relative_groups"));
  }
  return found;
}

at::Tensor RelativeColumns::Of(const at::Tensor& relative) const {
  TORCH_CHECK(relative.defined() && relative.dim() == 2 && relative.size(1) == total_,
              "need relative descriptors [B, ", total_, "], got ",
              relative.defined() ? relative.sizes() : at::IntArrayRef());
  if (size() == total_) return relative;
  std::vector<at::Tensor> parts;
  for (const auto& [first, count] : groups_) parts.push_back(relative.narrow(1, first, count));
  return parts.empty() ? relative.narrow(1, 0, 0) : at::cat(parts, 1);
}

}  // namespace cassle
