#include "cassle/data/source_arguments.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cassle/base/status_macros.h"
#include "cassle/data/sources/class_choice.h"
#include "cassle/data/sources/leave_out.h"

namespace cassle {

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
  arguments.choice =
      ClassChoice({options.only_classes().begin(), options.only_classes().end()},
                  {options.without_classes().begin(), options.without_classes().end()});
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
