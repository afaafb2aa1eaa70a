// export-weights --input=model --output=for_python
#include "cassle/base/stage_main.h"
#include "cassle/models/export_weights.h"

int main(int argc, char** argv) {
  return cassle::StageMain<cassle::v1::ExportWeightsOptions>(
      argc, argv, cassle::ExportWeightsInfo(), cassle::RunExportWeights);
}
