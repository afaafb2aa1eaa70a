#include "cassle/eval/on_embeddings/retrieval_stage.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cassle/augment/pictures/fit_image.h"
#include "cassle/base/file.h"
#include "cassle/base/permutation.h"
#include "cassle/base/philox.h"
#include "cassle/base/safetensors.h"
#include "cassle/base/status_macros.h"
#include "cassle/data/images/codec.h"
#include "cassle/data/records/dataset.h"
#include "cassle/eval/embeddings/class_targets.h"
#include "cassle/eval/on_embeddings/retrieval_grid.h"
#include "cassle/eval/result/evaluation.h"
#include "cassle/probes/nearest_neighbors.h"

namespace cassle {
namespace {

using Options = v1::RetrievalOptions;

constexpr int kMaxQueries = 100;

absl::Status CheckOptions(const Options& options) {
  if (options.images().empty()) {
    return absl::InvalidArgumentError(
        "--images is missing: name the data set that --train was made of");
  }
  if (options.query_ids_size() > kMaxQueries) {
    return absl::InvalidArgumentError(absl::StrCat("--query_ids: ", options.query_ids_size(),
                                                   " queries; expected at most ", kMaxQueries));
  }
  return absl::OkStatus();
}

// Images of embeddings, by row.
class ImagesOf {
 public:
  // flag: which option named the folder.
  static absl::StatusOr<ImagesOf> Open(const std::string& flag, const std::string& folder,
                                       const std::string& role, const Embeddings& embeddings,
                                       const StageContext& context) {
    const std::string made_of = embeddings.Metadata("dataset_fingerprint");
    const std::string named = context.input_fingerprint(flag);
    if (made_of != named) {
      return absl::FailedPreconditionError(absl::StrCat(
          "--", flag, "=", folder, " is not what --", role, " was made of: fingerprints ", named,
          " and ", made_of, "; name the data set that embed read"));
    }
    ImagesOf images;
    CASSLE_ASSIGN_OR_RETURN(images.dataset_, Dataset::Open(folder, embeddings.Metadata("split")));
    images.ids_ = embeddings.ids();
    return images;
  }

  // \error kFailedPrecondition if the split has no such image; those of Dataset::ReadImage.
  absl::StatusOr<RgbImage> Fitted(int64_t row) const {
    const int64_t index = ids_[row] - static_cast<int64_t>(dataset_->first_id());
    if (index < 0 || index >= dataset_->size()) {
      return absl::FailedPreconditionError(absl::StrCat(dataset_->folder(), ": split '",
                                                        dataset_->split().name(), "' has no image ",
                                                        ids_[row], ": embed again"));
    }
    v1::ImageRecord record;
    RgbImage image;
    CASSLE_RETURN_IF_ERROR(dataset_->ReadImage(index, &record, &image));
    return FitImage(image, kGridCell);
  }

 private:
  std::shared_ptr<const Dataset> dataset_;
  absl::Span<const int64_t> ids_;
};

// Rows of `test` to show.
absl::StatusOr<std::vector<int64_t>> ChooseQueries(const Options& options, const Embeddings& test) {
  std::vector<int64_t> rows;
  if (options.query_ids().empty()) {
    const KeyedPermutation shuffle(test.rows(), MixSeed(options.seed(), 0));
    for (int64_t i = 0; i < std::min(options.num_queries(), test.rows()); ++i) {
      rows.push_back(shuffle(i));
    }
    return rows;
  }
  absl::flat_hash_map<int64_t, int64_t> row_of;
  for (int64_t row = 0; row < test.rows(); ++row) row_of[test.ids()[row]] = row;
  absl::flat_hash_set<int64_t> seen;
  for (int64_t id : options.query_ids()) {
    const auto found = row_of.find(id);
    if (found == row_of.end() || !seen.insert(id).second) {
      return absl::InvalidArgumentError(absl::StrCat(
          "--query_ids: image ", id,
          found == row_of.end() ? " is not in the embeddings the queries come from" : " twice"));
    }
    rows.push_back(found->second);
  }
  return rows;
}

double Precision(const LearntTarget& target, const NeighborTable& table) {
  int64_t right = 0;
  for (int64_t q = 0; q < table.queries; ++q) {
    for (int64_t i = 0; i < table.neighbors; ++i) {
      right += target.train[table.rows[q * table.neighbors + i]] == target.test[q];
    }
  }
  return static_cast<double>(right) / static_cast<double>(table.queries * table.neighbors);
}

// Precision of neighbours that are drawn at random.
double ChancePrecision(const LearntTarget& target, bool leave_one_out) {
  const int64_t self = leave_one_out ? 1 : 0;
  std::vector<int64_t> counts(target.classes());
  for (int label : target.train) ++counts[label];
  int64_t sum = 0;
  for (int label : target.test) sum += counts[label] - self;
  return static_cast<double>(sum) /
         (static_cast<double>(target.train.size() - self) * target.test.size());
}

// The grid without what depends on the target.
absl::StatusOr<std::vector<GridRow>> ReadRows(const std::vector<int64_t>& queries,
                                              const NeighborTable& table, const Embeddings& train,
                                              const Embeddings& test, const ImagesOf& train_images,
                                              const ImagesOf& test_images) {
  std::vector<GridRow> rows;
  for (int64_t query : queries) {
    GridRow row;
    row.query.id = test.ids()[query];
    CASSLE_ASSIGN_OR_RETURN(row.query.image, test_images.Fitted(query));
    for (int64_t i = 0; i < table.neighbors; ++i) {
      const int64_t found = table.rows[query * table.neighbors + i];
      GridImage neighbor;
      neighbor.id = train.ids()[found];
      neighbor.similarity = table.similarities[query * table.neighbors + i];
      CASSLE_ASSIGN_OR_RETURN(neighbor.image, train_images.Fitted(found));
      row.neighbors.push_back(std::move(neighbor));
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

void SetClasses(const LearntTarget& target, const std::vector<int64_t>& queries,
                const NeighborTable& table, std::vector<GridRow>* rows) {
  for (size_t q = 0; q < queries.size(); ++q) {
    const int wanted = target.test[queries[q]];
    (*rows)[q].query.class_name = target.class_names[wanted];
    for (int64_t i = 0; i < table.neighbors; ++i) {
      const int found = target.train[table.rows[queries[q] * table.neighbors + i]];
      GridImage& neighbor = (*rows)[q].neighbors[i];
      neighbor.class_name = target.class_names[found];
      neighbor.right = found == wanted;
    }
  }
}

absl::Status WriteGrid(const LearntTarget& target, const std::vector<GridRow>& rows,
                       const std::string& dir, v1::Evaluation* evaluation) {
  const std::string title = absl::StrCat("Nearest neighbours, framed by ", target.name);
  const std::string name = absl::StrCat("retrieval_", FileNamePart(target.name));
  CASSLE_ASSIGN_OR_RETURN(const std::string png, EncodePng(DrawRetrievalGrid(title, rows)));
  CASSLE_RETURN_IF_ERROR(WriteFile(JoinPath(dir, name + ".png"), png));
  CASSLE_ASSIGN_OR_RETURN(const std::string page, RetrievalPage(title, rows));
  CASSLE_RETURN_IF_ERROR(WriteFile(JoinPath(dir, name + ".html"), page));
  v1::Picture* picture = evaluation->add_pictures();
  picture->set_file(name + ".png");
  picture->set_title(title);
  return absl::OkStatus();
}

absl::Status WriteTable(const std::vector<GridRow>& rows, const std::string& dir) {
  std::vector<int64_t> query_ids, neighbor_ids;
  std::vector<float> similarities;
  for (const GridRow& row : rows) {
    query_ids.push_back(row.query.id);
    for (const GridImage& neighbor : row.neighbors) {
      neighbor_ids.push_back(neighbor.id);
      similarities.push_back(neighbor.similarity);
    }
  }
  const int64_t queries = rows.size(), k = rows.front().neighbors.size();
  SafetensorsWriter writer;
  writer.Add<int64_t>("query_ids", DType::kI64, {queries}, query_ids);
  writer.Add<int64_t>("neighbor_ids", DType::kI64, {queries, k}, neighbor_ids);
  writer.Add<float>("similarities", DType::kF32, {queries, k}, similarities);
  return writer.Write(JoinPath(dir, "neighbors.safetensors"));
}

}  // namespace

absl::Status RunRetrieval(const Options& options, StageContext& context) {
  CASSLE_RETURN_IF_ERROR(CheckOptions(options));
  CASSLE_ASSIGN_OR_RETURN(const TrainAndTest sets,
                          OpenTrainAndTest(options.train(), options.test()));
  const Embeddings &train = *sets.train, &test = sets.tested();
  const bool leave_one_out = !sets.test.has_value();
  const int64_t available = train.rows() - (leave_one_out ? 1 : 0);
  if (options.k() > available) {
    return absl::FailedPreconditionError(
        absl::StrCat("--k=", options.k(), ": an image has ", available,
                     " neighbours in --train; choose at most that many, or embed more images"));
  }
  const bool own_images = !options.test_images().empty();
  CASSLE_ASSIGN_OR_RETURN(const ImagesOf train_images,
                          ImagesOf::Open("images", options.images(), "train", train, context));
  CASSLE_ASSIGN_OR_RETURN(const ImagesOf test_images,
                          ImagesOf::Open(own_images ? "test_images" : "images",
                                         own_images ? options.test_images() : options.images(),
                                         leave_one_out ? "train" : "test", test, context));
  CASSLE_ASSIGN_OR_RETURN(const std::vector<int64_t> queries, ChooseQueries(options, test));
  CASSLE_ASSIGN_OR_RETURN(const std::vector<LearntTarget> targets,
                          ReadLearntTargets({options.target().begin(), options.target().end()},
                                            train, sets.test_or_null()));
  NeighborOptions search;
  search.neighbors = options.k();
  search.leave_one_out = leave_one_out;
  search.threads = context.threads();
  search.interrupted = [&] { return context.interrupted(); };
  const NeighborTable table =
      FindNeighbors({train.features(), train.columns()}, {test.features(), test.columns()}, search);
  if (context.interrupted()) return absl::CancelledError("interrupted");

  v1::Evaluation evaluation = DescribeEvaluation("retrieval", "Retrieval", train);
  AddEvaluatedSet("train", train, train.rows(), &evaluation);
  if (!leave_one_out) AddEvaluatedSet("test", test, test.rows(), &evaluation);
  const std::string shared = leave_one_out ? "" : SharedImagesWarning(train, test);
  if (!shared.empty()) evaluation.add_warnings(shared);
  CASSLE_ASSIGN_OR_RETURN(std::vector<GridRow> rows,
                          ReadRows(queries, table, train, test, train_images, test_images));
  const std::string& dir = context.output_dir();
  for (const LearntTarget& target : targets) {
    const std::string missing = target.MissingClassesWarning();
    if (!missing.empty()) evaluation.add_warnings(missing);
    v1::Score* score = AddAccuracy(absl::StrCat(target.name, ", precision at ", options.k()),
                                   Precision(target, table), test.rows(), &evaluation);
    score->set_chance(ChancePrecision(target, leave_one_out));
    context.Say(absl::StrFormat("%s: %.2f %%", score->name(), 100 * score->value()));
    if (dir.empty()) continue;
    SetClasses(target, queries, table, &rows);
    CASSLE_RETURN_IF_ERROR(WriteGrid(target, rows, dir, &evaluation));
  }
  if (!dir.empty()) CASSLE_RETURN_IF_ERROR(WriteTable(rows, dir));
  context.Count("queries", test.rows());
  return WriteEvaluation(evaluation, context);
}

}  // namespace cassle
