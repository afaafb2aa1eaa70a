#include "cassle/data/records/class_target.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace cassle {

absl::StatusOr<int64_t> NumClasses(const v1::DatasetInfo& info, const std::string& target) {
  if (IsLabel(target)) return info.classes_size();
  std::vector<std::string> names = {"label"};
  for (const v1::TargetInfo& known : info.targets()) {
    if (known.vector_size() > 0) continue;
    if (known.name() == target) return known.classes_size();
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
