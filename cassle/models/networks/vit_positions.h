// Positions of vision transformers (vit.h), and what becomes of them on images of another size.
#ifndef CASSLE_MODELS_NETWORKS_VIT_POSITIONS_H_
#define CASSLE_MODELS_NETWORKS_VIT_POSITIONS_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

#include "cassle/models/networks/model.pb.h"

namespace cassle {

// The fixed positions of `grid` x `grid` patches in row-major order behind a class token:
// [1, 1 + grid^2, width] float32. A quarter of the width each: sine and cosine of the row, sine and
// cosine of the column, at frequencies 10000^(-i / (width / 4)). width must be a multiple of 4.
at::Tensor SinCosPositions(int64_t grid, int64_t width);

// A learned table [1, 1 + own^2, width] for `grid` x `grid` patches: [1, 1 + grid^2, width]. The
// row of the class token stays. Differentiable.
at::Tensor ResizedPositions(const at::Tensor& table, int64_t grid, v1::PositionResize how);

// A sentence on what happens to the positions of a vision transformer on images of this side
// (pixels); empty where its table is used as it is, and of other backbones.
std::string ResizedPositionsSentence(const v1::BackboneConfig& config, int image_size);

}  // namespace cassle

#endif  // CASSLE_MODELS_NETWORKS_VIT_POSITIONS_H_
