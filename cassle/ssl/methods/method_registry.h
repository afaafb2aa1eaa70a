// All self-supervised methods, by name.
#ifndef CASSLE_SSL_METHODS_METHOD_REGISTRY_H_
#define CASSLE_SSL_METHODS_METHOD_REGISTRY_H_

#include <google/protobuf/repeated_field.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cassle/ssl/method/method.h"
#include "cassle/ssl/methods/method.pb.h"

namespace cassle {

// The names of the members of MethodConfig's oneof, in order: "moco_v2", "simclr", ...
std::vector<std::string> MethodNames();

// The chosen one; empty if none is.
std::string MethodName(const v1::MethodConfig& config);

// How the chosen method is optimised unless the run says otherwise. official: compat OFFICIAL.
Recipe MethodRecipe(const v1::MethodConfig& config, bool official);

// The setting of the chosen method that names the descriptor groups by which it compares two views
// (View.relative); null for methods that do not. Without a name: all that the policy has, which the
// caller fills in, because MethodSetup.relative_groups may hold what AugSelf and EquiMod name too.
google::protobuf::RepeatedPtrField<std::string>* MutableRelativeGroups(v1::MethodConfig* config);

// Settings that are not given, of the method, setup.augself and setup.equimod, get their defaults.
// \error kInvalidArgument if no method is chosen, a setting is out of its range (CheckRanges in
// cassle/stage/options.h), or what the method says about its settings.
absl::StatusOr<std::unique_ptr<Method>> MakeMethod(const v1::MethodConfig& config,
                                                   const MethodSetup& setup);

}  // namespace cassle

#endif  // CASSLE_SSL_METHODS_METHOD_REGISTRY_H_
