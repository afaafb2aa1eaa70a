#include "cassle/augment/loading/view_loader_testutil.h"

#include <utility>

#include "cassle/augment/augment_and_record_stage.h"
#include "cassle/augment/policies/policy.h"
#include "cassle/augment/testing/test_images.h"
#include "cassle/base/file.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/base/text_proto.h"
#include "cassle/stage/stage.h"
#include "gtest/gtest.h"

namespace cassle {

std::string DatasetFolder() {
  static const std::string folder = MakeTestDataset("images", TestImageRecords(kImages));
  return folder;
}

ViewLoaderOptions OnTheFly() {
  ViewLoaderOptions options;
  const auto images = Dataset::Open(DatasetFolder());
  EXPECT_OK(images);
  options.images = *images;
  const auto policy = LoadPolicy("cifar");
  EXPECT_OK(policy);
  options.policy = *policy;
  options.groups = {"crop", "color", "color_diff", "flip", "grayscale"};
  options.relative_groups = {"flip", "color"};
  options.seed = kSeed;
  options.batch_size = kBatch;
  options.num_epochs = kEpochs;
  return options;
}

std::string Record(const std::string& name, v1::AugmentAndRecordOptions::Store store,
                   const v1::Policy* policy) {
  v1::AugmentAndRecordOptions options;
  options.set_input(DatasetFolder());
  options.set_output(FreshPath(name));
  if (policy == nullptr) {
    options.set_policy("cifar");
  } else {
    options.set_policy_file(FreshPath(name + ".textproto"));
    EXPECT_OK(WriteFile(options.policy_file(), PrintTextProto(*policy)));
  }
  options.set_epochs(kEpochs);
  options.set_seed(kSeed);
  options.set_store(store);
  options.set_batch_size(kBatch);
  // An odd number: shards end between the views of an image.
  options.set_records_per_shard(31);
  EXPECT_OK(RunStage(AugmentAndRecordInfo(), options, {.threads = 2}, RunAugmentAndRecord));
  return options.output();
}

absl::Status StatusOf(ViewLoaderOptions options) {
  return ViewLoader::Create(std::move(options)).status();
}

}  // namespace cassle
