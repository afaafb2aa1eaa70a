#include "cassle/ssl/method/method.h"

#include <c10/util/Exception.h>

#include "cassle/models/networks/conditioning.h"

namespace cassle {
namespace {

template <class T>
T& NetworkOf(const Method& method, const char* name) {
  for (const Method::Network& network : method.networks()) {
    T* const found = network.name == name ? dynamic_cast<T*>(network.module) : nullptr;
    if (found != nullptr) return *found;
  }
  TORCH_CHECK(false, "the method has no network \"", name, "\"");
}

}  // namespace

Backbone& Method::backbone() const { return NetworkOf<Backbone>(*this, "backbone"); }

ConditionedProjector& Method::projector() const {
  return NetworkOf<ConditionedProjector>(*this, "projector");
}

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
