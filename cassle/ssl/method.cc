#include "cassle/ssl/method.h"

namespace cassle {

std::vector<NamedTensor> Method::trained_parameters() const {
  std::vector<NamedTensor> all;
  for (const Network& network : networks()) {
    if (!network.trained) continue;
    for (const NamedTensor& parameter : network.module->named_parameters()) {
      all.push_back({network.name + "." + parameter.name, parameter.tensor});
    }
  }
  return all;
}

std::vector<NamedTensor> Method::state() const {
  std::vector<NamedTensor> all;
  for (const Network& network : networks()) {
    for (const NamedTensor& entry : network.module->state()) {
      all.push_back({network.name + "." + entry.name, entry.tensor});
    }
  }
  for (const NamedTensor& entry : other_state()) all.push_back(entry);
  return all;
}

}  // namespace cassle
