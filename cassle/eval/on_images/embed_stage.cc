#include "cassle/eval/on_images/embed_stage.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "cassle/base/file.h"
#include "cassle/base/safetensors.h"
#include "cassle/base/status_macros.h"
#include "cassle/data/records/dataset.h"
#include "cassle/eval/on_images/embedded_batch.pb.h"
#include "cassle/eval/on_images/embedded_images.h"
#include "cassle/features/for_each_shared_batch.h"
#include "cassle/features/frozen_encoder.h"
#include "cassle/models/networks/backbone.h"
#include "cassle/models/networks/vit.h"
#include "cassle/models/weights/model_folder.h"
#include "cassle/runtime/device.h"
#include "cassle/runtime/ranks/stage_ranks.h"
#include "cassle/runtime/torch_runtime.h"
#include "nlohmann/json.hpp"

namespace cassle {
namespace {

using Batch = v1::EmbeddedBatch;

// The columns of embeddings.safetensors, filled row by row.
class Table {
 public:
  Table(const Dataset& images, int64_t feature_size)
      : info_(images.info()), feature_size_(feature_size), targets_(info_.targets_size()) {
    features_.reserve(images.size() * feature_size);
    ids_.reserve(images.size());
    labels_.reserve(images.size());
  }

  absl::Status Append(const Batch& batch) {
    features_.insert(features_.end(), batch.features().begin(), batch.features().end());
    for (const v1::ImageRecord& record : batch.records()) {
      ids_.push_back(static_cast<int64_t>(record.id()));
      labels_.push_back(record.has_label() ? record.label() : -1);
      unlabelled_ += !record.has_label();
      if (ids_.size() == 1 || ids_.back() != ids_[ids_.size() - 2]) {
        images_.ids.push_back(ids_.back());
        images_.keys.push_back(record.key());
        images_.labels.push_back(static_cast<int>(labels_.back()));
      }
      CASSLE_RETURN_IF_ERROR(Annotate(
          AppendTargets(record), absl::StrCat("image ", record.id(), " (", record.key(), ")")));
    }
    return absl::OkStatus();
  }

  void AddTo(SafetensorsWriter* writer) const {
    const int64_t rows = ids_.size();
    writer->Add<float>("features", DType::kF32, {rows, feature_size_}, features_);
    writer->Add<int64_t>("ids", DType::kI64, {rows}, ids_);
    if (unlabelled_ < rows) writer->Add<int64_t>("labels", DType::kI64, {rows}, labels_);
    for (int i = 0; i < info_.targets_size(); ++i) {
      const v1::TargetInfo& target = info_.targets(i);
      const std::string name = absl::StrCat("target.", target.name());
      if (target.vector_size() > 0) {
        writer->Add<float>(name, DType::kF32, {rows, target.vector_size()}, targets_[i].vectors);
      } else {
        writer->Add<int64_t>(name, DType::kI64, {rows}, targets_[i].classes);
        writer->SetMetadata(absl::StrCat("classes.", target.name()), NameList(target.classes()));
      }
    }
    writer->SetMetadata("classes", NameList(info_.classes()));
  }

  // What some rows lack. A target that none has is told by its absence.
  std::vector<std::string> MissingSentences() const {
    std::vector<std::string> sentences;
    const auto add = [&](const std::string& what, int64_t missing) {
      if (missing == 0 || missing == static_cast<int64_t>(ids_.size())) return;
      sentences.push_back(absl::StrCat(missing, " of ", ids_.size(), " rows have no ", what,
                                       "; evaluations leave them out"));
    };
    add("label", unlabelled_);
    for (int i = 0; i < info_.targets_size(); ++i) {
      add(absl::StrCat("target ", info_.targets(i).name()), targets_[i].missing);
    }
    return sentences;
  }

  // One per image, however many rows it has.
  const EmbeddedImages& images() const { return images_; }

 private:
  struct Column {
    std::vector<int64_t> classes;
    std::vector<float> vectors;
    // Rows without.
    int64_t missing = 0;
  };

  static std::string NameList(const google::protobuf::RepeatedPtrField<std::string>& names) {
    return nlohmann::json(std::vector<std::string>(names.begin(), names.end()))
        .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  }

  // Every target of the data set gets one value: a class that the record lacks is -1, a vector is
  // not a number.
  absl::Status AppendTargets(const v1::ImageRecord& record) {
    for (int i = 0; i < info_.targets_size(); ++i) {
      const v1::TargetInfo& info = info_.targets(i);
      const auto found =
          std::find_if(record.targets().begin(), record.targets().end(),
                       [&](const v1::Target& target) { return target.name() == info.name(); });
      const bool there = found != record.targets().end();
      Column& column = targets_[i];
      if (info.vector_size() == 0) {
        const bool has = there && found->has_class_index();
        column.classes.push_back(has ? found->class_index() : -1);
        column.missing += !has;
        continue;
      }
      if (!there) {
        column.vectors.insert(column.vectors.end(), info.vector_size(), std::nanf(""));
        ++column.missing;
        continue;
      }
      if (found->vector().values_size() != info.vector_size()) {
        return absl::DataLossError(absl::StrCat("target ", info.name(), " is not a vector of ",
                                                info.vector_size(),
                                                " numbers: encode the data set again"));
      }
      column.vectors.insert(column.vectors.end(), found->vector().values().begin(),
                            found->vector().values().end());
    }
    return absl::OkStatus();
  }

  const v1::DatasetInfo& info_;
  const int64_t feature_size_;
  std::vector<float> features_;
  std::vector<int64_t> ids_;
  std::vector<int64_t> labels_;
  int64_t unlabelled_ = 0;
  EmbeddedImages images_;
  std::vector<Column> targets_;
};

// A broken encoder is noticed here, where the image has a name.
absl::Status CheckFinite(const Batch& batch, int64_t feature_size) {
  for (int i = 0; i < batch.features_size(); ++i) {
    if (std::isfinite(batch.features(i))) continue;
    const v1::ImageRecord& record = batch.records(static_cast<int>(i / feature_size));
    return absl::DataLossError(absl::StrCat(
        "image ", record.id(), " (", record.key(), "): feature ", i % feature_size, " is ",
        batch.features(i), ": the encoder has diverged; train it with a smaller learning rate"));
  }
  return absl::OkStatus();
}

// Each image's views become their mean.
void AverageViews(int64_t views, int64_t feature_size, std::vector<float>* features) {
  const int64_t images = features->size() / (views * feature_size);
  for (int64_t i = 0; i < images; ++i) {
    for (int64_t c = 0; c < feature_size; ++c) {
      double sum = 0;
      for (int64_t v = 0; v < views; ++v) sum += (*features)[(i * views + v) * feature_size + c];
      (*features)[i * feature_size + c] = static_cast<float>(sum / static_cast<double>(views));
    }
  }
  features->resize(images * feature_size);
}

absl::StatusOr<Batch> EmbedBatch(const Dataset& images, const FrozenEncoder& encoder, int64_t first,
                                 int64_t last, bool average) {
  Batch batch;
  std::vector<uint8_t> pixels((last - first) * encoder.input_bytes());
  RgbImage image;
  for (int64_t i = first; i < last; ++i) {
    v1::ImageRecord record;
    CASSLE_RETURN_IF_ERROR(images.ReadImage(i, &record, &image));
    CASSLE_RETURN_IF_ERROR(
        Annotate(encoder.Prepare(image, pixels.data() + (i - first) * encoder.input_bytes()),
                 absl::StrCat("image ", record.id(), " (", record.key(), ")")));
    record.clear_encoded();
    for (int64_t view = 0; view < (average ? 1 : encoder.views()); ++view) {
      *batch.add_records() = record;
    }
  }
  CASSLE_ASSIGN_OR_RETURN(std::vector<float> features, encoder.Extract(pixels));
  if (average) AverageViews(encoder.views(), encoder.feature_size(), &features);
  batch.mutable_features()->Add(features.begin(), features.end());
  CASSLE_RETURN_IF_ERROR(CheckFinite(batch, encoder.feature_size()));
  return batch;
}

absl::StatusOr<std::unique_ptr<FrozenEncoder>> MakeEncoder(const v1::EmbedOptions& options,
                                                           const StageContext& context) {
  CASSLE_ASSIGN_OR_RETURN(const c10::Device device,
                          ResolveDevice(options.device(), LocalRankOf(context)));
  CASSLE_ASSIGN_OR_RETURN(v1::ModelSpec spec, ReadModelSpec(options.model()));
  std::shared_ptr<Backbone> backbone;
  if (options.reinitialize()) {
    CASSLE_ASSIGN_OR_RETURN(backbone, MakeBackbone(spec.backbone(), options.seed()));
    spec.set_provenance(absl::StrCat("random (seed ", options.seed(), ")"));
  } else {
    CASSLE_ASSIGN_OR_RETURN(backbone, LoadBackbone(options.model()));
  }
  return FrozenEncoder::Create(spec, std::move(backbone),
                               {.resize_px = options.resize_px(),
                                .ten_crops = options.crops() == v1::EmbedOptions::TEN ||
                                             options.crops() == v1::EmbedOptions::TEN_MEAN,
                                .bfloat16 = options.precision() == v1::BF16,
                                .device = DescribeDevice(device)});
}

absl::Status CheckOptions(const v1::EmbedOptions& options, const StageContext& context) {
  if (context.streaming()) {
    return absl::InvalidArgumentError("--output=-: embeddings are a folder, not a stream");
  }
  if (options.model().empty()) {
    return absl::InvalidArgumentError("--model: name the folder that pretrain wrote");
  }
  if (options.input().empty()) {
    return absl::InvalidArgumentError("--input: name the data set that shard-encoder wrote");
  }
  return absl::OkStatus();
}

}  // namespace

StageInfo EmbedInfo() {
  return {
      .name = "embed",
      .version = 1,
      .summary = "Runs every image of a split through a frozen encoder and writes the features.",
      .resolve = ResolveWhere,
      .team = FindStageRanks<v1::EmbedOptions>};
}

absl::Status RunEmbed(const v1::EmbedOptions& options, StageContext& context) {
  CASSLE_RETURN_IF_ERROR(CheckOptions(options, context));
  // One thread per batch, several batches at once: see the header.
  ConfigureTorch(/*compute_threads=*/1);
  CASSLE_ASSIGN_OR_RETURN(const std::shared_ptr<const Dataset> images,
                          Dataset::Open(options.input(), options.split()));
  if (images->size() == 0) {
    return absl::DataLossError(
        absl::StrCat(options.input(), ": split \"", images->split().name(), "\" has no images"));
  }
  CASSLE_ASSIGN_OR_RETURN(const std::unique_ptr<FrozenEncoder> encoder,
                          MakeEncoder(options, context));

  const v1::ModelSpec& spec = encoder->spec();
  const std::string positions = ResizedPositionsSentence(spec.backbone(), spec.image_size());
  if (!positions.empty()) context.Note(positions);

  const bool average = options.crops() == v1::EmbedOptions::TEN_MEAN;
  // In images: as many network inputs go together, however many there are per image.
  const int64_t batch_size = std::max<int64_t>(1, options.batch_size() / encoder->views());
  Table table(*images, encoder->feature_size());
  CASSLE_RETURN_IF_ERROR(ForEachSharedBatch(
      "embedding", images->size(), batch_size, context, TeamOf(context),
      [&](int64_t first, int64_t last) -> absl::StatusOr<std::string> {
        CASSLE_ASSIGN_OR_RETURN(const Batch batch,
                                EmbedBatch(*images, *encoder, first, last, average));
        return batch.SerializeAsString();
      },
      [&](const std::string& bytes) {
        Batch batch;
        if (!batch.ParseFromString(bytes)) return absl::InternalError("a batch came damaged");
        return table.Append(batch);
      }));
  if (!context.leads()) return absl::OkStatus();

  SafetensorsWriter writer;
  table.AddTo(&writer);
  writer.SetMetadata("weights_fingerprint", encoder->weights_fingerprint());
  writer.SetMetadata("preprocess_fingerprint", encoder->preprocess_fingerprint());
  writer.SetMetadata("dataset_fingerprint", context.input_fingerprint("input"));
  writer.SetMetadata("split", images->split().name());
  writer.SetMetadata("provenance", encoder->spec().provenance());
  if (encoder->views() > 1) writer.SetMetadata("crops", average ? "ten_mean" : "ten");
  CASSLE_RETURN_IF_ERROR(writer.Write(JoinPath(context.output_dir(), "embeddings.safetensors")));

  CASSLE_RETURN_IF_ERROR(WriteImageNames(*images, table.images(), &context));
  for (const std::string& sentence : table.MissingSentences()) context.Note(sentence);

  context.Count("images", images->size());
  v1::EmbedResult result;
  result.set_images(images->size());
  result.set_feature_size(encoder->feature_size());
  result.set_weights_fingerprint(encoder->weights_fingerprint());
  result.set_preprocess_fingerprint(encoder->preprocess_fingerprint());
  result.set_provenance(encoder->spec().provenance());
  return context.SetResult(result);
}

}  // namespace cassle
