// spectrum: how many directions of its features an encoder uses. See spectrum_stage.h.
#include "cassle/base/stage_main.h"
#include "cassle/eval/spectrum_stage.h"

int main(int argc, char** argv) {
  return cassle::StageMain<cassle::v1::SpectrumOptions>(argc, argv, cassle::kSpectrumInfo,
                                                        cassle::RunSpectrum);
}
