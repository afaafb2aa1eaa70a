#include "cassle/ssl/method/projector_rate.h"

#include <utility>

#include "absl/strings/match.h"
#include "cassle/ssl/method/regrouped.h"

namespace cassle {

std::vector<ParameterGroup> GroupByProjector(const std::vector<ParameterGroup>& groups,
                                             double scale) {
  std::vector<ParameterGroup> split;
  for (const ParameterGroup& group : groups) {
    ParameterGroup others = group, projector = group;
    others.parameters.clear();
    projector.parameters.clear();
    projector.rate_scale *= scale;
    for (const NamedTensor& parameter : group.parameters) {
      const bool is_projectors = absl::StartsWith(parameter.name, "projector.");
      (is_projectors ? projector : others).parameters.push_back(parameter);
    }
    if (!others.parameters.empty()) split.push_back(std::move(others));
    if (!projector.parameters.empty()) split.push_back(std::move(projector));
  }
  return split;
}

std::unique_ptr<Method> WithProjectorRate(std::unique_ptr<Method> method, double scale) {
  return std::make_unique<Regrouped>(
      std::move(method), [scale](const auto& groups) { return GroupByProjector(groups, scale); });
}

}  // namespace cassle
