// export-weights --format=onnx: a model folder, and what linear-probe, sgd-probe or fine-tune
// learnt of its features, as model.onnx.
#ifndef CASSLE_MODELS_EXPORT_ONNX_H_
#define CASSLE_MODELS_EXPORT_ONNX_H_

#include "absl/status/status.h"
#include "cassle/models/export_weights_options.pb.h"
#include "cassle/models/networks/backbone.h"
#include "cassle/models/networks/model.pb.h"
#include "cassle/stage/stage.h"

namespace cassle {

// Writes model.onnx (onnx/onnx_model.h), whose metadata_props say how an image is prepared, and
// sets the result.
//   spec  its backbone resolved.
// \error as MakeOnnxModel and ReadProbeClassifiers; InvalidArgument if the classifier learnt from
// another encoder, or from images that were prepared otherwise than --resize_px says.
absl::Status ExportOnnx(const v1::ExportWeightsOptions& options, const v1::ModelSpec& spec,
                        const Backbone& backbone, StageContext& context);

}  // namespace cassle

#endif  // CASSLE_MODELS_EXPORT_ONNX_H_
