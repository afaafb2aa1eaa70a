#include "cassle/models/exchange/detectron2_file.h"

#include <cstdint>
#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/models/exchange/pickle_opcodes.h"

namespace cassle {
namespace {

// numpy.dtype("f4", False, True) with state (3, "<", None, None, None, -1, -1, 0): little-endian
// float32.
std::string Float32Type() {
  std::string pickle = "cnumpy\ndtype\n";
  AppendText("f4", &pickle);
  absl::StrAppend(&pickle, "\x89\x88\x87R(K\x03");
  AppendText("<", &pickle);
  absl::StrAppend(&pickle, "NNN");
  for (int i = 0; i < 2; ++i) {
    pickle.push_back('J');
    AppendNumber<int32_t>(-1, &pickle);
  }
  AppendInteger(0, &pickle);
  return absl::StrCat(pickle, "tb");
}

// _reconstruct(ndarray, (0,), b"b") with state (1, shape, dtype, False, bytes), as NumPy pickles
// its arrays; the caller appends the bytes and "tb".
std::string ArrayHead(const WeightArray& array) {
  std::string pickle = "cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n";
  AppendInteger(0, &pickle);
  absl::StrAppend(&pickle,
                  "\x85"
                  "C\x01"
                  "b\x87R(");
  AppendInteger(1, &pickle);
  AppendTuple(array.shape, &pickle);
  absl::StrAppend(&pickle, Float32Type(),
                  "\x89"
                  "B");
  AppendNumber<uint32_t>(static_cast<uint32_t>(array.bytes.size()), &pickle);
  return pickle;
}

}  // namespace

std::string ToDetectron2Name(const std::string& name) {
  if (absl::EndsWith(name, "num_batches_tracked")) return "";
  std::string renamed = name;
  if (!absl::StartsWith(name, "layer")) renamed = absl::StrCat("stem.", name);
  return absl::StrReplaceAll(renamed, {{"layer1.", "res2."},
                                       {"layer2.", "res3."},
                                       {"layer3.", "res4."},
                                       {"layer4.", "res5."},
                                       {"bn1.", "conv1.norm."},
                                       {"bn2.", "conv2.norm."},
                                       {"bn3.", "conv3.norm."},
                                       {"downsample.0.", "shortcut."},
                                       {"downsample.1.", "shortcut.norm."}});
}

absl::Status WriteDetectron2File(const std::string& path, const std::vector<WeightArray>& arrays) {
  CASSLE_ASSIGN_OR_RETURN(const std::unique_ptr<FileWriter> file, FileWriter::Open(path));
  std::string head = "\x80\x03}(";
  AppendText("model", &head);
  absl::StrAppend(&head, "}(");
  CASSLE_RETURN_IF_ERROR(file->Append(head));
  for (const WeightArray& array : arrays) {
    if (array.dtype != DType::kF32 || array.bytes.size() > UINT32_MAX) {
      return absl::InvalidArgumentError(
          absl::StrCat("tensor ", array.name, " is no float32 array of less than 4 GiB"));
    }
    std::string entry;
    AppendText(array.name, &entry);
    absl::StrAppend(&entry, ArrayHead(array));
    CASSLE_RETURN_IF_ERROR(file->Append(entry));
    CASSLE_RETURN_IF_ERROR(file->Append(array.bytes));
    CASSLE_RETURN_IF_ERROR(file->Append("tb"));
  }
  std::string tail = "u";
  AppendText("__author__", &tail);
  AppendText("cassle", &tail);
  AppendText("matching_heuristics", &tail);
  absl::StrAppend(&tail, "\x88u.");
  CASSLE_RETURN_IF_ERROR(file->Append(tail));
  return file->Close();
}

}  // namespace cassle
