// Which settings of BackboneConfig an architecture understands.
#ifndef CASSLE_MODELS_NETWORKS_BACKBONE_SETTINGS_H_
#define CASSLE_MODELS_NETWORKS_BACKBONE_SETTINGS_H_

#include <initializer_list>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "cassle/models/networks/model.pb.h"

namespace cassle {

// \error InvalidArgument naming the first field that is set, although it is neither `architecture`
// nor one of `understood`.
absl::Status RefuseOtherSettings(const v1::BackboneConfig& config,
                                 std::initializer_list<absl::string_view> understood);

}  // namespace cassle

#endif  // CASSLE_MODELS_NETWORKS_BACKBONE_SETTINGS_H_
