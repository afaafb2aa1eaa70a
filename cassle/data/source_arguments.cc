#include "cassle/data/source_arguments.h"

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cassle/base/status_macros.h"
#include "cassle/data/sources/leave_out.h"

namespace cassle {
namespace {

// The lines of --classes.
absl::StatusOr<std::vector<std::string>> ReadClassNames(const std::string& path) {
  CASSLE_ASSIGN_OR_RETURN(std::vector<std::string> names, ReadLines(path));
  std::set<std::string> known;
  bool numbered = names.size() > 1;
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i].empty()) {
      return absl::DataLossError(
          absl::StrCat(path, ":", i + 1, ": the line is empty, and line k+1 names class k"));
    }
    if (!known.insert(names[i]).second) {
      return absl::DataLossError(
          absl::StrCat(path, ":", i + 1, ": the class '", names[i], "' is named twice"));
    }
    const std::string number = absl::StrCat(i);
    numbered = numbered && names[i].size() > number.size() && absl::StartsWith(names[i], number) &&
               absl::StrContains(" \t,;:", names[i][number.size()]);
  }
  if (numbered || (!names.empty() && (names[0][0] == '{' || names[0][0] == '['))) {
    return absl::DataLossError(absl::StrCat(path, ":1: '", names[0],
                                            "': line k+1 is the name of class k and nothing else"));
  }
  return names;
}

}  // namespace

absl::StatusOr<SourceArguments> MakeSourceArguments(const v1::ShardEncoderOptions& options,
                                                    const StageContext& context) {
  SourceArguments arguments;
  const std::pair<const char*, const std::string*> named[] = {{"", &options.input()},
                                                              {"train", &options.train()},
                                                              {"val", &options.val()},
                                                              {"test", &options.test()},
                                                              {"unlabeled", &options.unlabeled()}};
  for (const auto& [split, path] : named) {
    if (!path->empty()) arguments.inputs.push_back({split, *path});
  }
  arguments.odd_splits = options.splits_size() > 0 || !options.join_splits().empty();
  arguments.splits.assign(options.splits().begin(), options.splits().end());
  if (!options.classes().empty()) {
    CASSLE_ASSIGN_OR_RETURN(arguments.classes, ReadClassNames(options.classes()));
  }
  for (const std::string* path : {&options.classes(), &options.coarse(), &options.split_list()}) {
    if (!path->empty()) arguments.read_by_options.push_back(*path);
  }
  arguments.image_root = options.image_root();
  arguments.image_from = options.image_from();
  arguments.label_from = options.label_from();
  arguments.shapes = options.shapes();
  arguments.lists = options.lists();
  arguments.leave_out = std::make_shared<LeaveOut>(
      std::vector<std::string>(options.leave_out().begin(), options.leave_out().end()));
  arguments.class_order = options.class_order();
  arguments.interrupted = [&context] { return context.interrupted(); };
  return arguments;
}

}  // namespace cassle
