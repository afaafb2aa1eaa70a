// What pretrain's options mean by themselves: how they fit each other, the policy they name,
// numbers left to the method's recipe.
#ifndef CASSLE_SSL_PRETRAIN_OPTIONS_H_
#define CASSLE_SSL_PRETRAIN_OPTIONS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cassle/augment/operations/policy.pb.h"
#include "cassle/ssl/method/method.h"
#include "cassle/ssl/pretrain_options.pb.h"

namespace cassle {

// What relates two options, one that is not read without another among them.
// \error kInvalidArgument naming both.
absl::Status CheckPretrainOptions(const v1::PretrainOptions& options);

// The policy that the options name; without one, that of the recorded views.
// \error kInvalidArgument if there is none or two are named; those of reading the file or views.
absl::StatusOr<v1::Policy> FindPolicy(const v1::PretrainOptions& options);

// Fills in what was not chosen of the optimisation.
void ResolveRecipe(const Recipe& recipe, v1::PretrainOptions* options);

// A table for --help: what ResolveRecipe makes of the recipe of every method.
std::string RecipesHelp();

}  // namespace cassle

#endif  // CASSLE_SSL_PRETRAIN_OPTIONS_H_
