// knn: what the nearest neighbours of images tell. See knn_stage.h.
#include "cassle/base/stage_main.h"
#include "cassle/eval/knn_stage.h"

int main(int argc, char** argv) {
  return cassle::StageMain<cassle::v1::KnnOptions>(argc, argv, cassle::kKnnInfo, cassle::RunKnn);
}
