#include "cassle/ssl/method/projector_rate.h"

#include <utility>

#include "absl/strings/match.h"
#include "cassle/ssl/method/method_wrapper.h"

namespace cassle {
namespace {

class ProjectorRated : public MethodWrapper {
 public:
  ProjectorRated(std::unique_ptr<Method> method, double scale)
      : MethodWrapper(std::move(method)), scale_(scale) {}

  std::vector<ParameterGroup> GroupParameters(
      const std::vector<NamedTensor>& parameters) const override {
    return GroupByProjector(MethodWrapper::GroupParameters(parameters), scale_);
  }

 private:
  const double scale_;
};

}  // namespace

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
  return std::make_unique<ProjectorRated>(std::move(method), scale);
}

}  // namespace cassle
