#include "cassle/runtime/ranks/gather_rows.h"

#include <ATen/TensorOperators.h>
#include <torch/csrc/autograd/custom_function.h>

namespace cassle {
namespace {

class Gathering : public torch::autograd::Function<Gathering> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& own,
                            int64_t rows, int64_t team_address) {
    Team* team = reinterpret_cast<Team*>(team_address);
    context->saved_data["first"] = team->OwnRows(rows).first;
    context->saved_data["count"] = own.size(0);
    context->saved_data["ranks"] = static_cast<int64_t>(team->size());
    return team->Gather(own, rows);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    const at::Tensor own = gradients[0].narrow(0, context->saved_data["first"].toInt(),
                                               context->saved_data["count"].toInt());
    return {own * static_cast<double>(context->saved_data["ranks"].toInt()), at::Tensor(),
            at::Tensor()};
  }
};

}  // namespace

at::Tensor GatherRows(const at::Tensor& own, int64_t rows, Team* team) {
  // A graph node holds plain values only; the team outlives every graph.
  return Gathering::apply(own, rows, reinterpret_cast<int64_t>(team));
}

}  // namespace cassle
