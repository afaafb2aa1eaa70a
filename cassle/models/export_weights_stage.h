// The stage export-weights: the backbone of a model folder for Python and other run times.
//
//   backbone.pth            a state dict for torch.load (torch_file_writer.h)
//   backbone.safetensors    the same tensors for safetensors.torch.load_file
//   backbone.pkl            for Detectron2 (detectron2_file.h)
//   model.onnx              the network itself (export_onnx.h)
//
// Names are those of the library, without prefix, so that load_state_dict(strict=True) takes them
// once the classifier is an Identity. The result line and stderr say the Python that makes the
// network. The same weights give the same bytes. Both files also hold the model's description
// (heads, positions, normalisation), which import-weights reads and Python's loaders pass over.
#ifndef CASSLE_MODELS_EXPORT_WEIGHTS_STAGE_H_
#define CASSLE_MODELS_EXPORT_WEIGHTS_STAGE_H_

#include "absl/status/status.h"
#include "cassle/models/export_weights_options.pb.h"
#include "cassle/stage/stage.h"

namespace cassle {

StageInfo ExportWeightsInfo();

// `options` with defaults applied, as the harness hands them over.
// \error as LoadBackbone and WriteTorchFile.
absl::Status RunExportWeights(const v1::ExportWeightsOptions& options, StageContext& context);

}  // namespace cassle

#endif  // CASSLE_MODELS_EXPORT_WEIGHTS_STAGE_H_
