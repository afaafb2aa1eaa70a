// The identity of what happens to an image on its way into an encoder.
#ifndef CASSLE_MODELS_WEIGHTS_PREPROCESSING_H_
#define CASSLE_MODELS_WEIGHTS_PREPROCESSING_H_

#include <string>

#include "cassle/models/networks/model.pb.h"

namespace cassle {

// 32 hexadecimal digits, as embeddings and results carry them: shorter side resized to `resize_px`
// (bicubic), centre cropped to spec.image_size(), normalised; the arithmetic of the network, and
// what its further channels hold; where features are read, if not at its end
// (FrozenEncoder::readout_text).
std::string PreprocessFingerprint(const v1::ModelSpec& spec, int resize_px, bool bfloat16,
                                  const std::string& readout = "");

}  // namespace cassle

#endif  // CASSLE_MODELS_WEIGHTS_PREPROCESSING_H_
