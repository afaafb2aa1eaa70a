// DINO (Caron et al. 2021, arXiv:2104.14294): the softmax outputs of a student foretell those of
// its moving average, the teacher, for other views of the image. The teacher's outputs are centred
// (against one output winning always) and sharpened (against all being equal). Takes all views of a
// multi-crop policy; the teacher sees the first two only.
//
//   projector   F -> hidden -> hidden -> bottleneck, GELU, no batch norm; biases start at 0
//   last layer  cosine of the projection with one direction per output: the authors' weight-normed
//               layer with fixed lengths
//
// As in the authors' code: the teacher follows after the optimiser step, with a momentum that rises
// along a cosine; the centre is a moving average too, and part of the checkpoint; the last layer
// does not train in the first epoch; AdamW, rate 0.0005 per 256 images, weight decay that rises
// from 0.04 to 0.4 and leaves out biases and batch norm, ten epochs of warm-up; the gradient of
// each parameter is limited to a norm of 3. Each view goes through the networks by itself.
#ifndef CASSLE_SSL_METHODS_DINO_H_
#define CASSLE_SSL_METHODS_DINO_H_

#include <memory>

#include "absl/status/statusor.h"
#include "cassle/ssl/method/method.h"
#include "cassle/ssl/methods/method.pb.h"

namespace cassle {

Recipe DinoRecipe(bool official);

// Settings have their defaults (MakeMethod in method_registry.h fills them in).
// \error kInvalidArgument for a temperature from which a warm-up of no epochs would begin.
absl::StatusOr<std::unique_ptr<Method>> MakeDino(const v1::MethodConfig& config,
                                                 const MethodSetup& setup);

}  // namespace cassle

#endif  // CASSLE_SSL_METHODS_DINO_H_
