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
#include "cassle/base/file.h"
#include "cassle/base/permutation.h"
#include "cassle/base/philox.h"
#include "cassle/base/safetensors.h"
#include "cassle/base/status_macros.h"
#include "cassle/data/images/codec.h"
#include "cassle/eval/embeddings/class_targets.h"
#include "cassle/eval/on_embeddings/embedded_dataset.h"
#include "cassle/eval/on_embeddings/retrieval_grid.h"
#include "cassle/eval/result/evaluation.h"
#include "cassle/eval/result/label_warnings.h"
#include "cassle/probes/nearest_neighbors.h"

namespace cassle {
namespace {

using Options = v1::RetrievalOptions;

constexpr int kMaxQueries = 100;
constexpr char kExplanation[] =
    "Left the query, then its nearest neighbours by cosine similarity. Green: the query's class; "
    "dashed: another one.";

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

// Places in `target.test_rows` of the images to show.
absl::StatusOr<std::vector<int64_t>> ChooseQueries(const Options& options, const Embeddings& test,
                                                   const LearntTarget& target) {
  const int64_t available = static_cast<int64_t>(target.test_rows.size());
  std::vector<int64_t> places;
  if (options.query_ids().empty()) {
    const KeyedPermutation shuffle(available, MixSeed(options.seed(), 0));
    for (int64_t i = 0; i < std::min(options.num_queries(), available); ++i) {
      places.push_back(shuffle(i));
    }
    return places;
  }
  const absl::flat_hash_set<int64_t> known(test.ids().begin(), test.ids().end());
  absl::flat_hash_map<int64_t, int64_t> place_of;
  for (int64_t i = 0; i < available; ++i) place_of[test.ids()[target.test_rows[i]]] = i;
  absl::flat_hash_set<int64_t> seen;
  for (int64_t id : options.query_ids()) {
    const auto found = place_of.find(id);
    const bool fresh = seen.insert(id).second;
    if (found != place_of.end() && fresh) {
      places.push_back(found->second);
      continue;
    }
    return absl::InvalidArgumentError(
        absl::StrCat("--query_ids: image ", id,
                     !known.contains(id) ? " is not in the embeddings the queries come from"
                     : fresh             ? absl::StrCat(" has no class of ", target.name)
                                         : " twice"));
  }
  return places;
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

// Queries and neighbours with their pictures and classes.
absl::StatusOr<std::vector<GridRow>> ReadRows(const LearntTarget& target,
                                              const std::vector<int64_t>& queries,
                                              const NeighborTable& table, const TrainAndTest& sets,
                                              const EmbeddedDataset& train_images,
                                              const EmbeddedDataset& test_images) {
  std::vector<GridRow> rows;
  for (const int64_t query : queries) {
    const int64_t asked = target.test_rows[query];
    GridRow row;
    row.query.name = absl::StrCat("image ", sets.tested().ids()[asked]);
    row.query.caption = target.class_names[target.test[query]];
    CASSLE_ASSIGN_OR_RETURN(row.query.image, test_images.Fitted(asked, kGridCell));
    for (int64_t i = 0; i < table.neighbors; ++i) {
      const int64_t place = table.rows[query * table.neighbors + i];
      const int64_t found = target.train_rows[place];
      GridImage neighbor;
      neighbor.name = absl::StrCat("image ", sets.train->ids()[found]);
      neighbor.similarity = table.similarities[query * table.neighbors + i];
      neighbor.caption = target.class_names[target.train[place]];
      neighbor.right = target.train[place] == target.test[query];
      CASSLE_ASSIGN_OR_RETURN(neighbor.image, train_images.Fitted(found, kGridCell));
      row.neighbors.push_back(std::move(neighbor));
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

absl::Status WriteGrid(const LearntTarget& target, const std::vector<GridRow>& rows,
                       const std::string& dir, v1::Evaluation* evaluation) {
  const std::string title = absl::StrCat("Nearest neighbours, framed by ", target.name);
  const std::string name = absl::StrCat("retrieval_", FileNamePart(target.name));
  CASSLE_ASSIGN_OR_RETURN(const std::string png, EncodePng(DrawRetrievalGrid(title, rows)));
  CASSLE_RETURN_IF_ERROR(WriteFile(JoinPath(dir, name + ".png"), png));
  CASSLE_ASSIGN_OR_RETURN(RetrievalPage page,
                          RetrievalPage::Open(JoinPath(dir, name + ".html"), title, kExplanation));
  for (const GridRow& row : rows) CASSLE_RETURN_IF_ERROR(page.Add(row));
  CASSLE_RETURN_IF_ERROR(page.Close());
  v1::Picture* picture = evaluation->add_pictures();
  picture->set_file(name + ".png");
  picture->set_title(title);
  return absl::OkStatus();
}

// Queries and what was found for them, by id. suffix: of the tensors' names.
void AddTable(const LearntTarget& target, const std::vector<int64_t>& queries,
              const NeighborTable& table, const TrainAndTest& sets, const std::string& suffix,
              SafetensorsWriter* writer) {
  std::vector<int64_t> query_ids, neighbor_ids;
  std::vector<float> similarities;
  for (const int64_t query : queries) {
    query_ids.push_back(sets.tested().ids()[target.test_rows[query]]);
    for (int64_t i = query * table.neighbors; i < (query + 1) * table.neighbors; ++i) {
      neighbor_ids.push_back(sets.train->ids()[target.train_rows[table.rows[i]]]);
      similarities.push_back(table.similarities[i]);
    }
  }
  const int64_t count = queries.size(), k = table.neighbors;
  writer->Add<int64_t>(absl::StrCat("query_ids", suffix), DType::kI64, {count}, query_ids);
  writer->Add<int64_t>(absl::StrCat("neighbor_ids", suffix), DType::kI64, {count, k}, neighbor_ids);
  writer->Add<float>(absl::StrCat("similarities", suffix), DType::kF32, {count, k}, similarities);
}

// \error kFailedPrecondition if a target has too few rows.
absl::Status CheckNeighbors(const Options& options, const std::vector<LearntTarget>& targets,
                            bool leave_one_out) {
  for (const LearntTarget& target : targets) {
    const int64_t available =
        static_cast<int64_t>(target.train_rows.size()) - (leave_one_out ? 1 : 0);
    if (options.k() <= available) continue;
    return absl::FailedPreconditionError(
        absl::StrCat("--k=", options.k(), ": an image has ", available,
                     " neighbours in --train; choose at most that many, or embed more images"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status RunRetrieval(const Options& options, StageContext& context) {
  CASSLE_RETURN_IF_ERROR(CheckOptions(options));
  CASSLE_ASSIGN_OR_RETURN(const TrainAndTest sets,
                          OpenTrainAndTest(options.train(), options.test()));
  const bool leave_one_out = !sets.test.has_value();
  // Or the crops of one image would be several neighbours.
  CASSLE_RETURN_IF_ERROR(RequireOneRowPerImage("train", *sets.train));
  CASSLE_ASSIGN_OR_RETURN(const std::vector<LearntTarget> targets,
                          ReadLearntTargets({options.target().begin(), options.target().end()},
                                            *sets.train, sets.test_or_null()));
  CASSLE_RETURN_IF_ERROR(CheckNeighbors(options, targets, leave_one_out));
  const bool own_images = !options.test_images().empty();
  CASSLE_ASSIGN_OR_RETURN(
      const EmbeddedDataset train_images,
      EmbeddedDataset::Open("images", options.images(), "train", *sets.train, context));
  CASSLE_ASSIGN_OR_RETURN(
      const EmbeddedDataset test_images,
      EmbeddedDataset::Open(own_images ? "test_images" : "images",
                            own_images ? options.test_images() : options.images(),
                            leave_one_out ? "train" : "test", sets.tested(), context));
  NeighborOptions search;
  search.neighbors = options.k();
  search.leave_one_out = leave_one_out;
  search.threads = context.threads();
  search.interrupted = [&] { return context.interrupted(); };

  v1::Evaluation evaluation = DescribeEvaluation("retrieval", "Retrieval", *sets.train);
  AddEvaluatedSet("train", *sets.train, MostTrainRows(targets), &evaluation);
  if (!leave_one_out) AddEvaluatedSet("test", *sets.test, MostTestRows(targets), &evaluation);
  CASSLE_RETURN_IF_ERROR(AddLabelWarnings(sets, targets, &evaluation, &context));
  const std::string& dir = context.output_dir();
  SafetensorsWriter writer;
  NeighborTable table;
  const LearntTarget* searched = nullptr;
  for (const LearntTarget& target : targets) {
    CASSLE_ASSIGN_OR_RETURN(const std::vector<int64_t> queries,
                            ChooseQueries(options, sets.tested(), target));
    const bool fresh = searched == nullptr || !target.HasRowsOf(*searched);
    if (fresh) {
      const SelectedFeatures bank(*sets.train, target.train_rows);
      const SelectedFeatures asked(sets.tested(), target.test_rows);
      const int64_t columns = sets.train->columns();
      table = FindNeighbors({bank.values(), columns}, {asked.values(), columns}, search);
      if (context.interrupted()) {
        return absl::CancelledError("interrupted; run the same command again");
      }
    }
    v1::Score* score = AddAccuracy(absl::StrCat(target.name, ", precision at ", options.k()),
                                   Precision(target, table), table.queries, &evaluation);
    score->set_chance(ChancePrecision(target, leave_one_out));
    context.Say(absl::StrFormat("%s: %.2f %%", score->name(), 100 * score->value()));
    CASSLE_ASSIGN_OR_RETURN(const std::vector<GridRow> rows,
                            ReadRows(target, queries, table, sets, train_images, test_images));
    // Of targets that all have the same rows there is one table.
    if (fresh) {
      AddTable(target, queries, table, sets,
               searched == nullptr ? "" : absl::StrCat(".", target.name), &writer);
    }
    if (fresh) searched = &target;
    if (!dir.empty()) CASSLE_RETURN_IF_ERROR(WriteGrid(target, rows, dir, &evaluation));
  }
  if (!dir.empty()) {
    CASSLE_RETURN_IF_ERROR(writer.Write(JoinPath(dir, "neighbors.safetensors")));
  }
  context.Count("queries", MostTestRows(targets));
  return WriteEvaluation(evaluation, context);
}

}  // namespace cassle
