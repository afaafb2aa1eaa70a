#include "cassle/eval/on_images/similar_stage.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cassle/augment/pictures/fit_image.h"
#include "cassle/base/csv.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/data/images/codec.h"
#include "cassle/eval/embeddings/embeddings.h"
#include "cassle/eval/embeddings/feature_origin.h"
#include "cassle/eval/on_embeddings/embedded_dataset.h"
#include "cassle/eval/on_embeddings/retrieval_grid.h"
#include "cassle/eval/on_images/matching_encoder.h"
#include "cassle/eval/on_images/new_image_source.h"
#include "cassle/eval/on_images/new_images.h"
#include "cassle/probes/nearest_neighbors.h"
#include "cassle/runtime/device.h"
#include "cassle/runtime/torch_guard.h"
#include "cassle/runtime/torch_runtime.h"
#include "cassle/stage/progress.h"

namespace cassle {
namespace {

using Options = v1::SimilarOptions;

// Rows and columns of similar.png: more are for the page.
constexpr size_t kPngRows = 20;
constexpr size_t kPngNeighbors = 12;
// Bytes of a page that takes a browser seconds.
constexpr int64_t kLargePage = 100 << 20;
constexpr char kTitle[] = "Similar images";
constexpr char kExplanation[] =
    "Left the image that was looked for, then what is most like it by cosine similarity.";

absl::Status CheckOptions(const Options& options) {
  for (const auto& [value, flag, what] :
       {std::tuple(options.query(), "query", "images to look for: a file, a folder, an archive"),
        std::tuple(options.model(), "model", "the folder of pretrain or import-weights"),
        std::tuple(options.train(), "train", "the embeddings to search: the folder of embed"),
        std::tuple(options.images(), "images", "the data set that --train was made of")}) {
    if (value.empty()) {
      return absl::InvalidArgumentError(absl::StrCat("--", flag, " is missing: name ", what));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<FeatureOrigin> OriginOf(const Embeddings& embeddings) {
  return FeatureOriginOf(embeddings.folder(),
                         [&](const std::string& key) { return embeddings.Metadata(key); });
}

absl::Status Resolve(google::protobuf::Message* message, StageContext* context) {
  auto* options = static_cast<Options*>(message);
  if (options->precision() == v1::AUTO) {
    // What is wrong with them is said where they are used.
    const absl::StatusOr<Embeddings> train = Embeddings::Open("train", options->train());
    const auto origin = train.ok() ? OriginOf(*train) : train.status();
    if (!origin.ok() || !origin->bfloat16) options->set_precision(v1::FLOAT32);
  }
  return ResolveWhere(options, context);
}

// What new images become.
struct Queries {
  std::vector<std::string> keys;
  // [keys, columns], row-major.
  std::vector<float> features;
  // JPEG files of the first.
  std::vector<std::string> pictures;
};

absl::StatusOr<Queries> Read(const Options& options, const FrozenEncoder& encoder,
                             DamagedImages* damaged, StageContext* context) {
  CASSLE_ASSIGN_OR_RETURN(
      const NewImageSource images,
      OpenNewImages(options.source(), NewImageArguments(options.query(), options), *context));
  Queries queries;
  const size_t shown = options.page_queries();
  CASSLE_RETURN_IF_ERROR(
      ForEachNewBatch({.batch_size = options.batch_size(),
                       .max_pixels = options.max_pixels(),
                       .pictures = options.page_queries()},
                      encoder, *context, images.source.get(), [&](NewBatch* batch) {
                        for (NewImage& image : batch->images) {
                          if (damaged->Take(&image, context)) continue;
                          queries.keys.push_back(std::move(image.key));
                          if (!image.picture.empty() && queries.pictures.size() < shown) {
                            queries.pictures.push_back(std::move(image.picture));
                          }
                        }
                        queries.features.insert(queries.features.end(), batch->features.begin(),
                                                batch->features.end());
                        return absl::OkStatus();
                      }));
  CASSLE_RETURN_IF_ERROR(damaged->CheckSome(static_cast<int64_t>(queries.keys.size()),
                                            options.query(), *images.tally));
  CASSLE_RETURN_IF_ERROR(damaged->Finish(*images.tally, context));
  return queries;
}

// Writes the files of the output.
class Writer {
 public:
  Writer(const Queries& queries, const NeighborTable& table, const EmbeddedDataset& dataset,
         StageContext* context)
      : queries_(queries), table_(table), dataset_(dataset), context_(*context) {}

  absl::Status Write() {
    const std::string& folder = context_.output_dir();
    CASSLE_ASSIGN_OR_RETURN(csv_, FileWriter::Open(JoinPath(folder, "similar.csv")));
    CASSLE_RETURN_IF_ERROR(
        csv_->Append(CsvLine({"query", "rank", "image", "similarity", "label"})));
    CASSLE_ASSIGN_OR_RETURN(
        RetrievalPage page,
        RetrievalPage::Open(JoinPath(folder, "similar.html"), kTitle, Explanation()));
    Progress progress("writing", static_cast<int64_t>(queries_.keys.size()), "queries");
    for (size_t q = 0; q < queries_.keys.size(); ++q) {
      if (context_.interrupted()) {
        return absl::CancelledError("interrupted; run the same command again");
      }
      CASSLE_RETURN_IF_ERROR(AddRow(q, &page));
      progress.Set(static_cast<int64_t>(q) + 1);
    }
    CASSLE_RETURN_IF_ERROR(csv_->Close());
    CASSLE_RETURN_IF_ERROR(page.Close());
    if (page.bytes() > kLargePage) {
      context_.Note(absl::StrCat("similar.html has ", page.bytes() >> 20,
                                 " MiB, which browsers open slowly: a smaller --k or "
                                 "--page_queries makes it smaller; similar.csv has all"));
    }
    CASSLE_ASSIGN_OR_RETURN(const std::string png, EncodePng(DrawRetrievalGrid(kTitle, on_png_)));
    return WriteFile(JoinPath(folder, "similar.png"), png);
  }

 private:
  std::string Explanation() const {
    const size_t shown = queries_.pictures.size(), all = queries_.keys.size();
    return shown == all ? kExplanation
                        : absl::StrCat(kExplanation, " ", shown, " of ", all,
                                       " are shown; similar.csv has all.");
  }

  absl::Status AddRow(size_t query, RetrievalPage* page) {
    const bool shown = query < queries_.pictures.size();
    GridRow row;
    for (int64_t i = 0; i < table_.neighbors; ++i) {
      CASSLE_RETURN_IF_ERROR(Add(query, i, shown ? &row : nullptr));
    }
    if (!shown) return absl::OkStatus();
    row.query.name = row.query.caption = queries_.keys[query];
    RgbImage picture;
    CASSLE_RETURN_IF_ERROR(DecodeImage(queries_.pictures[query], &picture));
    CASSLE_ASSIGN_OR_RETURN(row.query.image, FitImage(picture, kGridCell));
    CASSLE_RETURN_IF_ERROR(page->Add(row));
    if (on_png_.size() == kPngRows) return absl::OkStatus();
    row.neighbors.resize(std::min(row.neighbors.size(), kPngNeighbors));
    on_png_.push_back(std::move(row));
    return absl::OkStatus();
  }

  // A row of the table; its picture where there is a row of the page.
  absl::Status Add(size_t query, int64_t rank, GridRow* row) {
    const int64_t entry = static_cast<int64_t>(query) * table_.neighbors + rank;
    CASSLE_ASSIGN_OR_RETURN(const v1::ImageRecord record, dataset_.Record(table_.rows[entry]));
    const std::string label = !record.has_label() ? ""
                              : record.label() < dataset_.info().classes_size()
                                  ? dataset_.info().classes(record.label())
                                  : absl::StrCat(record.label());
    const float similarity = table_.similarities[entry];
    CASSLE_RETURN_IF_ERROR(
        csv_->Append(CsvLine({queries_.keys[query], absl::StrCat(rank + 1), record.key(),
                              absl::StrFormat("%.6f", similarity), label})));
    if (row == nullptr) return absl::OkStatus();
    GridImage shown;
    shown.name = record.key();
    shown.caption = label.empty() ? record.key() : label;
    shown.similarity = similarity;
    CASSLE_ASSIGN_OR_RETURN(shown.image, dataset_.Fitted(record, kGridCell));
    row->neighbors.push_back(std::move(shown));
    return absl::OkStatus();
  }

  const Queries& queries_;
  const NeighborTable& table_;
  const EmbeddedDataset& dataset_;
  StageContext& context_;
  std::unique_ptr<FileWriter> csv_;
  // The first rows.
  std::vector<GridRow> on_png_;
};

absl::Status FindSimilar(const Options& options, StageContext& context) {
  if (context.streaming()) {
    return absl::InvalidArgumentError("--output=-: pictures are a folder, not a stream");
  }
  // One thread per batch, several batches at once.
  ConfigureTorch(/*compute_threads=*/1);
  CASSLE_ASSIGN_OR_RETURN(const Embeddings train, Embeddings::Open("train", options.train()));
  CASSLE_RETURN_IF_ERROR(RequireOneRowPerImage("train", train));
  CASSLE_ASSIGN_OR_RETURN(
      const EmbeddedDataset dataset,
      EmbeddedDataset::Open("images", options.images(), "train", train, context));
  CASSLE_ASSIGN_OR_RETURN(const FeatureOrigin origin, OriginOf(train));
  CASSLE_ASSIGN_OR_RETURN(const std::unique_ptr<FrozenEncoder> encoder,
                          OpenMatchingEncoder({.model = options.model(),
                                               .flag = "train",
                                               .folder = options.train(),
                                               .origin = origin,
                                               .columns = train.columns(),
                                               .bfloat16 = options.precision() == v1::BF16,
                                               .device = options.device()},
                                              &context));
  DamagedImages damaged("are not looked for");
  CASSLE_ASSIGN_OR_RETURN(const Queries queries, Read(options, *encoder, &damaged, &context));

  NeighborOptions search;
  search.neighbors = options.k();
  search.threads = context.threads();
  search.interrupted = [&] { return context.interrupted(); };
  const NeighborTable table = FindNeighbors({train.features(), train.columns()},
                                            {queries.features, train.columns()}, search);
  if (context.interrupted()) {
    return absl::CancelledError("interrupted; run the same command again");
  }
  if (table.neighbors < options.k()) {
    context.Note(absl::StrCat("--train has ", table.neighbors, " images: so many are shown"));
  }
  if (!context.output_dir().empty()) {
    CASSLE_RETURN_IF_ERROR(Writer(queries, table, dataset, &context).Write());
  }
  context.Count("queries", static_cast<int64_t>(queries.keys.size()));
  v1::SimilarResult result;
  result.set_queries(static_cast<int64_t>(queries.keys.size()));
  result.set_damaged(damaged.count());
  result.set_images(train.rows());
  return context.SetResult(result);
}

}  // namespace

StageInfo SimilarInfo() {
  StageInfo info;
  info.name = "similar";
  info.version = 4;
  info.summary = "Shows the images of a data set that are most like new ones.";
  info.check = CheckOf<Options>(CheckOptions);
  info.resolve = Resolve;
  return info;
}

absl::Status RunSimilar(const Options& options, StageContext& context) {
  return CatchTorch([&] { return FindSimilar(options, context); });
}

}  // namespace cassle
