// The exponential moving average of what is trained, as a result of its own: it is evaluated and
// kept, while training itself does not notice it.
//
// The rule is that of timm's ModelEmaV2, after every step
//   average <- decay * average + (1 - decay) * trained
// of parameters and of batch norm's running statistics alike, from the state before the first step
// on, without a warm-up: a decay d looks back about 1 / (1 - d) steps. Whole numbers (batch norm's
// count of batches) are copied.
#ifndef CASSLE_SSL_METHOD_WEIGHT_AVERAGE_H_
#define CASSLE_SSL_METHOD_WEIGHT_AVERAGE_H_

#include <memory>
#include <vector>

#include "cassle/models/networks/module.h"
#include "cassle/ssl/method/method.h"

namespace cassle {

// `method`, with averages of its networks "backbone" and "projector" in its state: checkpoints keep
// them. Costs their memory once more, and a pass over it each step.
//   decay  (0, 1).
std::unique_ptr<Method> WithAverage(std::unique_ptr<Method> method, double decay);

// What a run of the method leaves: handles of the state of "backbone" and "projector", or of its
// averages if it has any, named "backbone.conv1.weight" in both cases.
std::vector<NamedTensor> FinishedState(const Method& method);

// Values, name by name, in place. Throws c10::Error if names or shapes differ.
void CopyTensors(const std::vector<NamedTensor>& from, const std::vector<NamedTensor>& to);

}  // namespace cassle

#endif  // CASSLE_SSL_METHOD_WEIGHT_AVERAGE_H_
