// import-weights --input=resnet18.pth --output=model
#include "cassle/base/stage_main.h"
#include "cassle/models/import_weights.h"

int main(int argc, char** argv) {
  return cassle::StageMain<cassle::v1::ImportWeightsOptions>(
      argc, argv, cassle::ImportWeightsInfo(), cassle::RunImportWeights);
}
