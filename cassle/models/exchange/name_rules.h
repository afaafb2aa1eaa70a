// Rules that rename tensors, as text: "FROM>TO FROM>TO ...".
//
//   FROM   the beginning of a name; # stands for a number
//   TO     what it becomes; $1 is the first number of FROM, $1+ the one after it
//
// What follows FROM in a name stays. The first rule that fits counts; a name that none fits stays.
//
//   "encoder.stages.#.layers.#.>layer$1+.$2."   encoder.stages.0.layers.1.x -> layer1.1.x
#ifndef CASSLE_MODELS_EXCHANGE_NAME_RULES_H_
#define CASSLE_MODELS_EXCHANGE_NAME_RULES_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace cassle {

// Nothing if no rule fits.
std::optional<std::string> Renamed(absl::string_view rules, absl::string_view name);

// The rules read from TO to FROM. They must use their numbers in order, each as it is ($1, not
// $1+). `name` itself if no rule fits.
std::string RenamedBack(absl::string_view rules, absl::string_view name);

}  // namespace cassle

#endif  // CASSLE_MODELS_EXCHANGE_NAME_RULES_H_
