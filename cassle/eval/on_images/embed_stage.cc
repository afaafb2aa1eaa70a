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
#include "cassle/eval/embeddings/embedding_export.h"
#include "cassle/eval/on_images/embedded_batch.pb.h"
#include "cassle/eval/on_images/embedded_images.h"
#include "cassle/eval/on_images/embedding_table.h"
#include "cassle/features/for_each_shared_batch.h"
#include "cassle/features/frozen_encoder.h"
#include "cassle/models/networks/backbone.h"
#include "cassle/models/networks/vit_positions.h"
#include "cassle/models/weights/model_folder.h"
#include "cassle/runtime/device.h"
#include "cassle/runtime/ranks/stage_ranks.h"
#include "cassle/runtime/torch_guard.h"
#include "cassle/runtime/torch_runtime.h"
#include "cassle/stage/options.h"

namespace cassle {
namespace {

using Batch = v1::EmbeddedBatch;

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
    for (int64_t row = 0; row < (average ? 1 : encoder.views() * encoder.rows_per_view()); ++row) {
      *batch.add_records() = record;
    }
  }
  CASSLE_ASSIGN_OR_RETURN(std::vector<float> features, encoder.Extract(pixels));
  if (average) AverageViews(encoder.views(), encoder.feature_size(), &features);
  batch.mutable_features()->Add(features.begin(), features.end());
  CASSLE_RETURN_IF_ERROR(CheckFinite(batch, encoder.feature_size()));
  return batch;
}

v1::Readout ReadoutOf(const v1::EmbedOptions& options) {
  v1::Readout readout;
  readout.set_tokens(options.tokens());
  readout.set_layer(options.layer());
  readout.set_last_layers(options.last_layers());
  return readout;
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
                                .readout = ReadoutOf(options),
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
  if (options.tokens() == v1::Readout::PATCHES && options.crops() != v1::EmbedOptions::CENTER) {
    return absl::InvalidArgumentError(
        "--tokens=patches: patches of --crops=ten would be told apart by nobody; leave --crops "
        "out");
  }
  v1::EmbedOptions defaults;
  CASSLE_RETURN_IF_ERROR(ApplyDefaults(&defaults));
  if (!options.reinitialize() && options.seed() != defaults.seed()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--seed=", options.seed(),
                     " is not read without --reinitialize: add that, or leave it out"));
  }
  return absl::OkStatus();
}

// What is read where, for people and for whoever embeds more images.
void DescribeReadout(const FrozenEncoder& encoder, SafetensorsWriter* writer,
                     StageContext* context) {
  if (encoder.readout_text().empty()) return;
  writer->SetMetadata("readout", encoder.readout_text());
  if (encoder.rows_per_view() > 1) {
    writer->SetMetadata("rows_per_image", absl::StrCat(encoder.rows_per_view()));
  }
  context->Note(absl::StrCat("features of ", encoder.readout_in_words(), ": ",
                             encoder.feature_size(), " numbers, ", encoder.rows_per_view(),
                             encoder.rows_per_view() > 1 ? " rows per image" : " row per image"));
}

// Of the weights, and where they were read.
std::string Provenance(const FrozenEncoder& encoder) {
  const std::string readout = encoder.readout_in_words();
  return absl::StrCat(encoder.spec().provenance(), readout.empty() ? "" : "; ", readout);
}

absl::Status Embed(const v1::EmbedOptions& options, StageContext& context) {
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
  EmbeddingTable table(*images, encoder->feature_size());
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
  writer.SetMetadata("resize_px", absl::StrCat(encoder->resize_px()));
  writer.SetMetadata("precision", options.precision() == v1::BF16 ? "bf16" : "float32");
  writer.SetMetadata("dataset_fingerprint", context.input_fingerprint("input"));
  writer.SetMetadata("split", images->split().name());
  writer.SetMetadata("provenance", Provenance(*encoder));
  DescribeReadout(*encoder, &writer, &context);
  if (encoder->views() > 1) writer.SetMetadata("crops", average ? "ten_mean" : "ten");
  CASSLE_RETURN_IF_ERROR(writer.Write(JoinPath(context.output_dir(), "embeddings.safetensors")));

  CASSLE_RETURN_IF_ERROR(WriteImageNames(*images, table.images(), &context));
  if (options.format() == v1::EmbedOptions::NPZ) {
    CASSLE_RETURN_IF_ERROR(WriteEmbeddingsNpz(context.output_dir()));
  } else if (options.format() == v1::EmbedOptions::CSV) {
    CASSLE_RETURN_IF_ERROR(WriteEmbeddingsCsv(context.output_dir()));
  }
  for (const std::string& sentence : table.MissingSentences()) context.Note(sentence);

  context.Count("images", images->size());
  v1::EmbedResult result;
  result.set_images(images->size());
  result.set_feature_size(encoder->feature_size());
  result.set_weights_fingerprint(encoder->weights_fingerprint());
  result.set_preprocess_fingerprint(encoder->preprocess_fingerprint());
  result.set_provenance(Provenance(*encoder));
  return context.SetResult(result);
}

}  // namespace

StageInfo EmbedInfo() {
  return {
      .name = "embed",
      .version = 5,
      .summary = "Runs every image of a split through a frozen encoder and writes the features.",
      .resolve = ResolveWhere,
      .team = FindStageRanks<v1::EmbedOptions>};
}

absl::Status RunEmbed(const v1::EmbedOptions& options, StageContext& context) {
  return CatchTorch([&] { return Embed(options, context); });
}

}  // namespace cassle
