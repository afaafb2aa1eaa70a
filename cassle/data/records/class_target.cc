#include "cassle/data/records/class_target.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cassle/base/status_macros.h"

namespace cassle {

absl::StatusOr<int64_t> NumClasses(const v1::DatasetInfo& info, const std::string& target) {
  CASSLE_ASSIGN_OR_RETURN(const std::vector<std::string> names, ClassNames(info, target));
  return static_cast<int64_t>(names.size());
}

absl::StatusOr<std::vector<std::string>> ClassNames(const v1::DatasetInfo& info,
                                                    const std::string& target) {
  using Names = std::vector<std::string>;
  if (IsLabel(target)) return Names(info.classes().begin(), info.classes().end());
  Names names = {"label"};
  for (const v1::TargetInfo& known : info.targets()) {
    if (known.vector_size() > 0) continue;
    if (known.name() == target) return Names(known.classes().begin(), known.classes().end());
    names.push_back(known.name());
  }
  return absl::InvalidArgumentError(absl::StrCat("data set ", info.name(),
                                                 " has no class target \"", target,
                                                 "\"; there are ", absl::StrJoin(names, ", ")));
}

int64_t ClassOf(const v1::ImageRecord& record, const std::string& target) {
  if (IsLabel(target)) return record.has_label() ? record.label() : -1;
  for (const v1::Target& known : record.targets()) {
    if (known.name() == target && known.has_class_index()) return known.class_index();
  }
  return -1;
}

}  // namespace cassle
