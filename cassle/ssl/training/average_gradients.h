// Gradients of one model that several ranks train.
#ifndef CASSLE_SSL_TRAINING_AVERAGE_GRADIENTS_H_
#define CASSLE_SSL_TRAINING_AVERAGE_GRADIENTS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "cassle/runtime/named_tensor.h"
#include "cassle/runtime/ranks/team.h"

namespace cassle {

// Replaces gradients by their means over the ranks: the same bits on all, and the same each time.
//
//   GradientAverager averager(method->trained_parameters(), team);
//   AccumulateGradients(batch, parts, method, {.team = team, .averager = &averager});
//
// Gradients travel in buckets while the backward pass goes on. Its order is that of the graph, the
// same on all ranks; buckets are filled in the reverse order of the parameters, in which a pass
// comes by them. LibTorch's Reducer does the same with one addition that excludes it here: it
// builds its buckets anew from the order of the first pass, so that sums, and with them the last
// bits, would be others after a run has been resumed.
class GradientAverager {
 public:
  // Parameters: leaves of the graph, equal on all ranks in order and shape. Both must outlive it.
  //   compress  Gradients travel as bfloat16, half as many bytes; sums are taken in float32.
  GradientAverager(const std::vector<NamedTensor>& parameters, Team* team, bool compress = false);
  ~GradientAverager();
  GradientAverager(const GradientAverager&) = delete;
  GradientAverager& operator=(const GradientAverager&) = delete;

  // Before the (last) backward pass of a step: from here on gradients that are complete are sent.
  void Begin();
  // After it: sends the others and waits for all. Parameters without a gradient have none on any
  // rank.
  void Finish();

  // Seconds that Finish waited, and that buckets were under way, so far: what of the communication
  // was hidden.
  double waited_seconds() const;
  double sent_seconds() const;

 private:
  class Impl;
  const std::shared_ptr<Impl> impl_;
  // Each takes one hook away, and keeps its node alive until then: the graph forgets what
  // accumulates gradients between passes.
  std::vector<std::function<void()>> removals_;
};

}  // namespace cassle

#endif  // CASSLE_SSL_TRAINING_AVERAGE_GRADIENTS_H_
