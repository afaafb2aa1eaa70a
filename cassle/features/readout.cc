#include "cassle/features/readout.h"

#include <ATen/ops/mean.h>
#include <ATen/ops/stack.h>

#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace cassle {
namespace {

v1::Readout::Tokens UsualTokens(const Backbone& backbone) {
  return backbone.special_tokens() > 0 ? v1::Readout::CLASS : v1::Readout::MEAN;
}

}  // namespace

absl::StatusOr<v1::Readout> ResolveReadout(v1::Readout readout, const Backbone& backbone) {
  const int layers = static_cast<int>(backbone.layers());
  if (readout.layer() == 0) readout.set_layer(layers);
  if (readout.last_layers() == 0) readout.set_last_layers(1);
  if (readout.tokens() == v1::Readout::TOKENS_UNSPECIFIED)
    readout.set_tokens(UsualTokens(backbone));
  if (readout.layer() < 1 || readout.layer() > layers) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--layer=", readout.layer(), ": the backbone has ", layers, " layers, counted from 1"));
  }
  if (readout.last_layers() < 1 || readout.last_layers() > readout.layer()) {
    return absl::InvalidArgumentError(absl::StrCat("--last_layers=", readout.last_layers(),
                                                   ": there are ", readout.layer(),
                                                   " up to the one that is read"));
  }
  if (readout.last_layers() > 1 && !backbone.layers_have_one_width()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--last_layers=", readout.last_layers(),
                     ": the layers of this backbone have different widths; a vision transformer's "
                     "have one"));
  }
  if (readout.tokens() == v1::Readout::CLASS && backbone.special_tokens() == 0) {
    return absl::InvalidArgumentError(
        "--tokens=class: this backbone has no class token; mean or patches");
  }
  return readout;
}

bool IsUsual(const v1::Readout& readout, const Backbone& backbone) {
  return readout.layer() == backbone.layers() && readout.last_layers() == 1 &&
         readout.tokens() == UsualTokens(backbone);
}

at::Tensor ReadOut(const v1::Readout& readout, Backbone& backbone, const at::Tensor& images) {
  if (IsUsual(readout, backbone)) return backbone.forward(images);
  std::vector<at::Tensor> layers =
      backbone.ForwardLayers(images, readout.layer() - readout.last_layers() + 1, readout.layer());
  const int64_t special = backbone.special_tokens();
  for (at::Tensor& tokens : layers) {
    if (readout.tokens() == v1::Readout::CLASS) {
      tokens = tokens.select(1, 0);
      continue;
    }
    tokens = tokens.narrow(1, special, tokens.size(1) - special);
    tokens = readout.tokens() == v1::Readout::MEAN ? at::mean(tokens, 1) : tokens.flatten(0, 1);
  }
  return layers.size() == 1 ? layers[0] : at::mean(at::stack(layers), 0);
}

std::string ReadoutInWords(const v1::Readout& readout, const Backbone& backbone) {
  return absl::StrCat(
      "layer ", readout.layer(), " of ", backbone.layers(),
      readout.last_layers() > 1 ? absl::StrCat(", mean of ", readout.last_layers()) : "", ", ",
      absl::AsciiStrToLower(v1::Readout::Tokens_Name(readout.tokens())));
}

}  // namespace cassle
