#include "cassle/data/records/dataset_testutil.h"

#include "cassle/data/shard_encoder_stage.h"
#include "cassle/stage/stage.h"

namespace cassle {

absl::Status WriteShapesDataset(const std::string& folder, int64_t num_train, int64_t num_test,
                                int size_px) {
  v1::ShardEncoderOptions options;
  options.set_source(v1::DatasetLayout::SHAPES);
  options.set_output(folder);
  options.mutable_shapes()->set_num_train(num_train);
  options.mutable_shapes()->set_num_test(num_test);
  options.mutable_shapes()->set_size_px(size_px);
  return RunStage(ShardEncoderInfo(), options, StageSettings(), RunShardEncoder).status();
}

}  // namespace cassle
