#include "cassle/eval/on_images/head_classifier.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/base/text_proto.h"
#include "cassle/models/weights/head.pb.h"
#include "cassle/models/weights/projector_folder.h"

namespace cassle {
namespace {

class HeadClassifier : public Classifier {
 public:
  HeadClassifier(const v1::HeadSpec& spec, const FrozenEncoder& encoder)
      : Classifier(spec.target(), {spec.classes().begin(), spec.classes().end()}),
        encoder_(encoder) {}

  absl::StatusOr<std::vector<double>> Probabilities(absl::Span<const float> features) override {
    CASSLE_ASSIGN_OR_RETURN(const std::vector<float> outputs,
                            encoder_.Project({features.begin(), features.end()}));
    std::vector<double> logits(outputs.begin(), outputs.end());
    SoftmaxRows(static_cast<int64_t>(class_names().size()), &logits);
    return logits;
  }

 private:
  const FrozenEncoder& encoder_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Classifier>> OpenHead(const std::string& folder,
                                                     const FrozenEncoder& encoder) {
  const std::string path = JoinPath(folder, kHeadSpecName);
  if (!FileExists(path)) {
    return absl::FailedPreconditionError(
        absl::StrCat(folder, " names no classes: fine-tune it (again, if an earlier version did)"));
  }
  v1::HeadSpec spec;
  CASSLE_RETURN_IF_ERROR(ReadStoredTextProto(path, &spec));
  if (!encoder.has_projector() || encoder.is_told() || spec.classes().empty() ||
      encoder.projector_spec().mlp().out() != spec.classes_size()) {
    return absl::DataLossError(absl::StrCat(path, " names ", spec.classes_size(),
                                            " classes, which the model's head does not have: "
                                            "fine-tune again"));
  }
  return std::unique_ptr<Classifier>(new HeadClassifier(spec, encoder));
}

}  // namespace cassle
