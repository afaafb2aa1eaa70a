#include "cassle/models/told_by_names.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cassle/base/escaped_name.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/models/exchange/configs/foreign_config.h"
#include "cassle/models/exchange/configs/timm_names.h"

namespace cassle {
namespace {

// Beginnings of names that convolutions for segmentation have beside the backbone: torchvision's
// FCN, DeepLabV3 and LR-ASPP; mmsegmentation's; segmentation_models_pytorch's.
struct Segmentation {
  const char* head;
  // Whether stages 3 and 4 are dilated whatever its options.
  bool dilated;
};
constexpr Segmentation kSegmentation[] = {
    {"classifier.", true}, {"decode_head.", false}, {"segmentation_head.", false}};

// The first convolution of such a head; null if there is none. A head of another kind has none.
const WeightArray* ConvolutionOf(const Segmentation& known, const WeightFile& file,
                                 const FoundBackbone& found) {
  // "model.backbone." and "model.classifier." lie beside each other.
  const size_t last = found.prefix.rfind('.', found.prefix.size() - 2);
  const std::string beside =
      absl::StrCat(last == std::string::npos ? "" : found.prefix.substr(0, last + 1), known.head);
  for (const WeightArray& array : file.arrays) {
    if (absl::StartsWith(array.name, beside) && array.shape.size() == 4) return &array;
  }
  return nullptr;
}

absl::Status CheckSegmentation(const WeightFile& file, const FoundBackbone& found,
                               absl::string_view given, const v1::BackboneConfig& detected,
                               std::vector<std::string>* notes) {
  // The modules of a whole pickle tell (module_settings.h).
  if (found.prefix.empty() || KindOf(detected.architecture()) != NetworkKind::kResNet ||
      !file.modules.empty()) {
    return absl::OkStatus();
  }
  for (const Segmentation& known : kSegmentation) {
    const WeightArray* convolution = ConvolutionOf(known, file, found);
    if (convolution == nullptr) continue;
    const std::string sentence = absl::StrCat(
        "beside the backbone stands a head for segmentation (", convolution->name, ")");
    if (known.dilated) {
      return DecideByOption(absl::StrCat(sentence,
                                         ", and torchvision's have dilated convolutions instead of "
                                         "strides in stages 3 and 4, which no tensor tells"),
                            given, detected.architecture(), notes);
    }
    notes->push_back(absl::StrCat(
        sentence, ": its stages are taken to have the strides of a classifier and no dilation"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status DecideByOption(const std::string& sentence, absl::string_view given,
                            absl::string_view detected, std::vector<std::string>* notes) {
  if (given.empty()) {
    return absl::DataLossError(
        absl::StrCat(sentence, ": give --backbone.architecture=", detected, " to take it for one"));
  }
  notes->push_back(absl::StrCat(sentence, ": --backbone.architecture decides"));
  return absl::OkStatus();
}

absl::Status CheckNames(const WeightFile& file, const FoundBackbone& found, absl::string_view given,
                        const v1::BackboneConfig& detected, std::vector<std::string>* notes) {
  for (const SaidNetwork& said : file.networks) {
    const NamedNetwork named = ReadNetworkName(said.name);
    const std::string it_says =
        absl::StrCat("it says that it is a ", said.name, " (", said.key, ")");
    if (named.other) {
      CASSLE_RETURN_IF_ERROR(DecideByOption(
          absl::StrCat(it_says,
                       ", which is not known here and may compute something else with the same "
                       "tensors"),
          given, detected.architecture(), notes));
    } else if (!named.architecture.empty() && named.architecture != detected.architecture()) {
      CASSLE_RETURN_IF_ERROR(DecideByOption(
          absl::StrCat(it_says, ", and its tensors are those of a ", detected.architecture()),
          given, detected.architecture(), notes));
    }
  }
  return CheckSegmentation(file, found, given, detected, notes);
}

std::string FileNameSentence(absl::string_view path, const v1::BackboneConfig& detected) {
  if (KindOf(detected.architecture()) != NetworkKind::kResNet) return "";
  const std::string other = OtherNetworkIn(BaseName(path));
  if (other.empty()) return "";
  return absl::StrCat("the file is called like a ", EscapedName(other),
                      ", which is not known here and may compute something else than the ",
                      detected.architecture(), " that its tensors are those of");
}

}  // namespace cassle
