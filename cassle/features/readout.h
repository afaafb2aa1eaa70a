// Features from elsewhere than the end of a backbone: an earlier layer, the mean of the last ones,
// other tokens than those it was trained to give.
#ifndef CASSLE_FEATURES_READOUT_H_
#define CASSLE_FEATURES_READOUT_H_

#include <ATen/core/Tensor.h>

#include <string>

#include "absl/status/statusor.h"
#include "cassle/models/networks/backbone.h"
#include "cassle/models/networks/readout.pb.h"

namespace cassle {

// Fills in what is not chosen: the last layer, itself alone, the tokens that the backbone's
// features are made of.
// \error kInvalidArgument naming the option of embed (--layer, --last_layers, --tokens) and what
// the backbone has.
absl::StatusOr<v1::Readout> ResolveReadout(v1::Readout readout, const Backbone& backbone);

// A resolved readout gives what Backbone::forward gives.
bool IsUsual(const v1::Readout& readout, const Backbone& backbone);

// Features of images [B, channels, S, S]: [B, C], or [B * positions, C] of all patches. Of a
// resolved readout. Layers of a vision transformer pass its last norm before anything is averaged
// (as DINO's get_intermediate_layers); layers after the one that is read are not computed.
// Throws c10::Error as the backbone does, and if layers of different widths are to be averaged.
at::Tensor ReadOut(const v1::Readout& readout, Backbone& backbone, const at::Tensor& images);

// "layer 9 of 12, mean of 4, patches": for people.
std::string ReadoutInWords(const v1::Readout& readout, const Backbone& backbone);

}  // namespace cassle

#endif  // CASSLE_FEATURES_READOUT_H_
