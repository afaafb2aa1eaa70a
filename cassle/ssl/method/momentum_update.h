// Exponential moving average of parameters: how momentum encoders (MoCo, BYOL) follow their online
// networks.
#ifndef CASSLE_SSL_METHOD_MOMENTUM_UPDATE_H_
#define CASSLE_SSL_METHOD_MOMENTUM_UPDATE_H_

#include <ATen/core/Tensor.h>

#include <vector>

namespace cassle {

// averages[i] <- momentum * averages[i] + (1 - momentum) * online[i] for all i, in place, without
// gradient.
//   momentum  [0, 1]; 0.999 in MoCo-v2.
// Parameters only: the running statistics of batch norm follow the momentum networks' own forward
// passes. Two passes over the memory. Throws c10::Error if the lists or shapes differ.
void UpdateMomentumParameters(const std::vector<at::Tensor>& online, double momentum,
                              std::vector<at::Tensor>* averages);

}  // namespace cassle

#endif  // CASSLE_SSL_METHOD_MOMENTUM_UPDATE_H_
