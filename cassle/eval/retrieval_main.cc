// retrieval: what an encoder finds alike. See retrieval_stage.h.
#include "cassle/base/stage_main.h"
#include "cassle/eval/retrieval_stage.h"

int main(int argc, char** argv) {
  return cassle::StageMain<cassle::v1::RetrievalOptions>(argc, argv, cassle::kRetrievalInfo,
                                                         cassle::RunRetrieval);
}
