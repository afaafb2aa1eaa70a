// What the calls in a pickle mean. A pickle names functions to call; none is ever called: the few
// that containers and tensors are made of are known here by name, and what any other would return
// is an opaque value.
//
//   collections.OrderedDict, defaultdict, Counter; torch.Size; torch._utils._rebuild_tensor,
//   _rebuild_tensor_v2, _rebuild_parameter, _rebuild_parameter_with_state;
//   torch._tensor._rebuild_from_type_v2 (a subclass of Tensor)
#ifndef CASSLE_MODELS_EXCHANGE_PICKLE_OBJECTS_H_
#define CASSLE_MODELS_EXCHANGE_PICKLE_OBJECTS_H_

#include "absl/status/statusor.h"
#include "cassle/models/exchange/pickle_value.h"

namespace cassle {

// The value of function(*arguments).
// \error kDataLoss if the arguments of a known function are not what torch.save writes.
absl::StatusOr<PickleValue*> CallOf(const PickleValue& function, const PickleValue& arguments,
                                    PickleValues* values);

// What a persistent id refers to: ("storage", torch.FloatStorage, key, device, elements[, view]);
// before PyTorch 1.6 also ("module", class, file, source).
// \error kDataLoss for a storage that contradicts itself.
absl::StatusOr<PickleValue*> ReferenceOf(const PickleValue& id, PickleValues* values);

}  // namespace cassle

#endif  // CASSLE_MODELS_EXCHANGE_PICKLE_OBJECTS_H_
