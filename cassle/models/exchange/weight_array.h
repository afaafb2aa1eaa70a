// Tensors of other programs' files, by name.
#ifndef CASSLE_MODELS_EXCHANGE_WEIGHT_ARRAY_H_
#define CASSLE_MODELS_EXCHANGE_WEIGHT_ARRAY_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "cassle/base/safetensors.h"
#include "cassle/models/exchange/element_type.h"

namespace cassle {

// A tensor in row-major order. Floating-point types are converted to float32 (float16 and bfloat16
// exactly, float64 rounded), integers and booleans to int64.
struct WeightArray {
  // As EscapedName has it, so that messages can quote it as it is.
  std::string name;
  // kF32 or kI64
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;
  std::string bytes;
  // What it was in the file.
  ElementType stored = ElementType::kF32;
};

// What stands at a name in the place of a tensor and cannot be read: "argparse.Namespace".
struct UnreadValue {
  std::string name;
  std::string what;
};

// A torch.nn.Module that was pickled whole.
struct PickledModule {
  std::string name;
  // Its class.
  std::string what;
  // Of what was set on it, what tensors do not tell, as text: "stride" is "2,2", "eps" "1e-05".
  std::map<std::string, std::string> settings;
};

// What a checkpoint calls its network: "arch" is "resnet18", "args.model" "vit_small".
struct SaidNetwork {
  std::string key;
  std::string name;
};

struct WeightFile {
  // In the order of the file; strided and shared storages are written out.
  std::vector<WeightArray> arrays;
  std::vector<UnreadValue> unread;
  // What tensors were taken out of, the outermost first.
  std::vector<PickledModule> modules;
  std::vector<SaidNetwork> networks;
  // What our own export adds, and safetensors' __metadata__.
  std::map<std::string, std::string> metadata;
  // Since cassle wrote it (SafetensorsFile::has_changed()).
  bool has_changed = false;
};

// The key of `metadata` for what tensors do not tell of a model that export-weights wrote: a
// v1::ModelSpec as text.
inline constexpr char kModelMetadata[] = "cassle.model";

}  // namespace cassle

#endif  // CASSLE_MODELS_EXCHANGE_WEIGHT_ARRAY_H_
