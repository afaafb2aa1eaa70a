#include "cassle/base/stage_main.h"
#include "cassle/eval/embed.h"

int main(int argc, char** argv) {
  return cassle::StageMain<cassle::v1::EmbedOptions>(argc, argv, cassle::EmbedInfo(),
                                                     cassle::RunEmbed);
}
