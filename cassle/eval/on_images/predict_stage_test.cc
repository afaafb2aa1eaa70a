#include "cassle/eval/on_images/predict_stage.h"

#include <fcntl.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <functional>
#include <map>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cassle/base/csv.h"
#include "cassle/base/file.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/base/text_proto.h"
#include "cassle/data/images/codec.h"
#include "cassle/data/shard_encoder_stage.h"
#include "cassle/eval/classifiers/classifier.h"
#include "cassle/eval/embeddings/embeddings.h"
#include "cassle/eval/on_embeddings/knn_stage.h"
#include "cassle/eval/on_embeddings/linear_probe_stage.h"
#include "cassle/eval/on_embeddings/sgd_probe_stage.h"
#include "cassle/eval/on_images/embed_stage.h"
#include "cassle/eval/on_images/prediction_writer.h"
#include "cassle/features/frozen_encoder.h"
#include "cassle/features/model_testutil.h"
#include "cassle/models/weights/head.pb.h"
#include "cassle/models/weights/model_folder.h"
#include "cassle/models/weights/projector_folder.h"
#include "cassle/runtime/precision.h"
#include "nlohmann/json.hpp"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr int kImages = 30;
constexpr absl::StatusCode kBad = absl::StatusCode::kFailedPrecondition;
constexpr absl::StatusCode kUsage = absl::StatusCode::kInvalidArgument;

// Bright or dark, so that a random encoder tells the classes apart most of the time.
std::string Picture(int index) {
  RgbImage image;
  image.Resize(20, 20 + index % 3);
  for (size_t i = 0; i < image.pixels.size(); ++i) {
    image.pixels[i] = static_cast<uint8_t>((index % 2) * 90 + (i * (index + 3) / 7) % 120);
  }
  return EncodePng(image).value();
}

class PredictTest : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = JoinPath(::testing::TempDir(),
                     ::testing::UnitTest::GetInstance()->current_test_info()->name());
    ASSERT_OK(RemoveAll(root_));
    for (int i = 0; i < kImages; ++i) Put(Name(i), Picture(i));
    model_ = MakeTestModel({});
  }

  static std::string Name(int i) { return absl::StrCat(i % 2 ? "bright/" : "dark/", i, ".png"); }
  std::string Path(const std::string& name) const { return JoinPath(root_, name); }
  // A file below the folder of images.
  void Put(const std::string& name, const std::string& bytes) {
    const std::string path = JoinPath(Path("images"), name);
    ASSERT_OK(MakeDirectories(DirName(path)));
    ASSERT_OK(WriteFile(path, bytes));
  }

  template <class Options>
  static void Run(const StageInfo& info, const Options& options,
                  absl::Status (*work)(const Options&, StageContext&)) {
    ASSERT_OK(RunStage(info, options, {.threads = 2, .force = true, .omit_costs = true}, work));
  }

  // The embeddings of the folder, which a classifier learns from and is tested on.
  void Embed(int resize_px = 0, v1::ComputePrecision precision = v1::FLOAT32) {
    v1::ShardEncoderOptions shards;
    shards.set_input(Path("images"));
    shards.set_output(Path("shards"));
    Run(ShardEncoderInfo(), shards, RunShardEncoder);
    v1::EmbedOptions embed;
    embed.set_model(model_);
    embed.set_input(shards.output());
    embed.set_output(Path("train"));
    embed.set_resize_px(resize_px);
    embed.set_precision(precision);
    embed.set_layer(readout_layer_);
    embed.set_tokens(readout_tokens_);
    Run(EmbedInfo(), embed, RunEmbed);
  }
  std::string Probe() {
    v1::LinearProbeOptions options;
    options.set_train(Path("train"));
    options.set_test(Path("train"));
    options.add_regularizer(1e-3);
    options.set_output(Path("probe"));
    Run(LinearProbeInfo(), options, RunLinearProbe);
    return options.output();
  }

  v1::PredictOptions Options(const std::string& classifier) const {
    v1::PredictOptions options;
    options.set_model(model_);
    options.set_classifier(classifier);
    options.set_input(Path("images"));
    options.set_output(Path("predictions"));
    options.set_batch_size(8);
    return options;
  }
  static absl::StatusOr<StageOutcome> Predict(const v1::PredictOptions& options, int threads = 2,
                                              const std::atomic<bool>* interrupted = nullptr) {
    return RunStage(
        PredictInfo(), options,
        {.threads = threads, .force = true, .omit_costs = true, .interrupted = interrupted},
        RunPredict);
  }

  std::string Read(const std::string& name) const {
    return ReadFile(JoinPath(Path("predictions"), name)).value();
  }
  // Of predictions.csv: class -> probability, by image.
  std::map<std::string, std::map<std::string, double>> Predictions() const {
    const auto table = ReadCsv(JoinPath(Path("predictions"), "predictions.csv"));
    EXPECT_OK(table);
    std::map<std::string, std::map<std::string, double>> predictions;
    for (const CsvRow& row : table->rows) {
      std::map<std::string, double>& of_image = predictions[row.cells[0]];
      EXPECT_TRUE(of_image.empty()) << row.cells[0];
      for (size_t i = 1; i < row.cells.size(); i += 2) {
        EXPECT_TRUE(absl::SimpleAtod(row.cells[i + 1], &of_image[row.cells[i]]));
      }
    }
    return predictions;
  }

  // Predictions from the folder are those that the classifier makes of the embeddings.
  void ExpectAsFromEmbeddings(const v1::PredictOptions& options) {
    ASSERT_OK(Predict(options));
    const auto predictions = Predictions();
    ASSERT_OK_AND_ASSIGN(const Embeddings embeddings, Embeddings::Open("train", Path("train")));
    ASSERT_OK_AND_ASSIGN(const OpenedClassifier opened,
                         OpenClassifier(options.classifier(), {.train = options.train()}));
    ASSERT_OK_AND_ASSIGN(const std::vector<double> expected,
                         opened.classifier->Probabilities(embeddings.features()));
    ASSERT_EQ(predictions.size(), kImages);
    double most = 0;
    for (int row = 0; row < kImages; ++row) {
      // Folders in their order, files by name: as shard-encoder has them.
      const std::string key = keys_in_order_.at(row);
      for (int c = 0; c < 2; ++c) {
        const double p = predictions.at(key).at(opened.classifier->class_names()[c]);
        // Other batches: the last bits.
        EXPECT_NEAR(p, expected[2 * row + c], 1e-4) << key;
        most = std::max(most, p);
      }
    }
    EXPECT_GT(most, 0.6) << "the classifier has learnt nothing";
  }
  void FindKeysInOrder() {
    std::map<std::string, int> sorted;
    for (int i = 0; i < kImages; ++i) sorted[Name(i)] = i;
    for (const auto& [name, i] : sorted) keys_in_order_.push_back(name);
  }

  int readout_layer_ = 0;
  v1::Readout::Tokens readout_tokens_ = v1::Readout::TOKENS_UNSPECIFIED;
  std::string root_;
  std::string model_;
  std::vector<std::string> keys_in_order_;
};

TEST_F(PredictTest, NewImagesGetTheProbabilitiesThatTheirEmbeddingsWouldGet) {
  FindKeysInOrder();
  Embed(/*resize_px=*/18);
  ExpectAsFromEmbeddings(Options(Probe()));
  v1::SgdProbeOptions sgd;
  sgd.set_train(Path("train"));
  sgd.set_test(Path("train"));
  sgd.set_epochs(5);
  sgd.set_output(Path("sgd"));
  Run(SgdProbeInfo(), sgd, RunSgdProbe);
  ExpectAsFromEmbeddings(Options(sgd.output()));
  v1::KnnOptions knn;
  knn.set_train(Path("train"));
  knn.add_k(5);
  knn.set_output(Path("knn"));
  Run(KnnInfo(), knn, RunKnn);
  v1::PredictOptions options = Options(knn.output());
  options.set_train(Path("train"));
  ExpectAsFromEmbeddings(options);
}

TEST_F(PredictTest, AFineTunedModelPredictsByItsHead) {
  v1::HeadSpec head;
  head.set_target("kind");
  for (int c = 0; c < 8; ++c) head.add_classes(absl::StrCat("class ", c));
  ASSERT_OK(WriteFile(JoinPath(model_, kHeadSpecName), PrintTextProto(head)));
  v1::PredictOptions options = Options("");
  options.clear_model();
  options.set_fine_tuned(model_);
  options.set_top_k(8);
  options.set_batch_size(kImages);
  ASSERT_OK_AND_ASSIGN(const StageOutcome outcome, Predict(options));
  EXPECT_THAT(outcome.manifest.result_json(), HasSubstr("\"target\":\"kind\""));
  const auto predictions = Predictions();

  ASSERT_OK_AND_ASSIGN(const auto encoder, FrozenEncoder::Load(model_, {}));
  std::vector<uint8_t> pixels(encoder->input_bytes());
  RgbImage image;
  ASSERT_OK(DecodeImage(Picture(7), &image));
  ASSERT_OK(encoder->Prepare(image, pixels.data()));
  ASSERT_OK_AND_ASSIGN(const std::vector<at::Tensor> layers, encoder->Layers(pixels));
  ASSERT_OK_AND_ASSIGN(const at::Tensor logits, encoder->Project(layers.back(), {}));
  const at::Tensor p = logits.softmax(1);
  for (int c = 0; c < 8; ++c) {
    EXPECT_NEAR(predictions.at(Name(7)).at(head.classes(c)), p[0][c].item<float>(), 1e-5) << c;
  }
  ASSERT_OK(WriteFile(JoinPath(model_, kHeadSpecName), "}"));
  EXPECT_THAT(Predict(options).status(),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("head.textproto:1:1")));
  // A model without a head names no classes.
  ASSERT_OK(RemoveAll(JoinPath(model_, kHeadSpecName)));
  EXPECT_THAT(Predict(options).status(), StatusIs(kBad, HasSubstr("names no classes")));
}

TEST_F(PredictTest, ThreadsChangeNoByteOfAnyFormat) {
  Embed();
  v1::PredictOptions options = Options(Probe());
  Put("0.png", Picture(1).substr(0, 50));
  for (const auto& [format, file] : {std::pair(v1::PredictOptions::CSV, "predictions.csv"),
                                     std::pair(v1::PredictOptions::JSONL, "predictions.jsonl"),
                                     std::pair(v1::PredictOptions::PAGE, "predictions.html")}) {
    options.set_format(format);
    if (format == v1::PredictOptions::PAGE) options.set_page_images(11);
    ASSERT_OK_AND_ASSIGN(const StageOutcome one, Predict(options, 1));
    EXPECT_EQ(one.manifest.files_size(), 2) << file;
    const std::string bytes = Read(file);
    for (const int threads : {2, 5}) {
      ASSERT_OK_AND_ASSIGN(const StageOutcome outcome, Predict(options, threads));
      EXPECT_EQ(Read(file), bytes) << threads;
      EXPECT_EQ(outcome.manifest.fingerprint(), one.manifest.fingerprint()) << threads;
    }
  }
}

TEST_F(PredictTest, FoldersArchivesAndListsOfTheSameImagesGetTheSamePredictions) {
  Embed();
  v1::PredictOptions options = Options(Probe());
  ASSERT_OK(Predict(options));
  const auto from_folder = Predictions();
  std::string list = "path,label\n";
  for (int i = 0; i < kImages; ++i) absl::StrAppend(&list, "images/", Name(i), ",not read\n");
  ASSERT_OK(WriteFile(Path("list.csv"), list));
  options.set_input(Path("list.csv"));
  ASSERT_OK(Predict(options));
  const auto from_list = Predictions();
  ASSERT_EQ(std::system(
                absl::StrCat("tar -C ", Path("images"), " -cf ", Path("images.tar"), " bright dark")
                    .c_str()),
            0);
  options.set_input(Path("images.tar"));
  ASSERT_OK(Predict(options));
  const auto from_archive = Predictions();
  for (const auto& [name, classes] : from_folder) {
    for (const auto& [class_name, p] : classes) {
      EXPECT_NEAR(from_list.at("images/" + name).at(class_name), p, 1e-4) << name;
      EXPECT_NEAR(from_archive.at(name).at(class_name), p, 1e-4) << name;
    }
  }
}

TEST_F(PredictTest, DamagedImagesAreNamedAndCountedAndStopNothing) {
  Embed();
  const v1::PredictOptions options = Options(Probe());
  ASSERT_OK(Predict(options));
  const std::string undisturbed = Read("predictions.csv");
  EXPECT_EQ(Read("damaged.csv"), "image,reason\n");
  Put("zz/cut, short.png", Picture(1).substr(0, 100));
  Put("zz/empty.jpg", "");
  Put("zz/notes.txt", "no image");
  ASSERT_OK_AND_ASSIGN(const StageOutcome outcome, Predict(options));
  EXPECT_EQ(Read("predictions.csv"), undisturbed);
  ASSERT_OK_AND_ASSIGN(const CsvTable damaged,
                       ReadCsv(JoinPath(Path("predictions"), "damaged.csv")));
  ASSERT_EQ(damaged.rows.size(), 2);
  EXPECT_THAT(damaged.rows[0].cells, ElementsAre("zz/cut, short.png", HasSubstr("PNG")));
  EXPECT_THAT(damaged.rows[1].cells, ElementsAre("zz/empty.jpg", HasSubstr("empty")));
  EXPECT_THAT(outcome.manifest.notes(),
              AllOf(Contains("2 images that cannot be read have no prediction (zz/cut, short.png, "
                             "...)"),
                    Contains(HasSubstr("1 files that are not named as images skipped"))));
  EXPECT_THAT(outcome.manifest.result_json(), HasSubstr("\"damaged\":2,"));
  ASSERT_OK(RemoveAll(JoinPath(Path("images"), "bright")));
  ASSERT_OK(RemoveAll(JoinPath(Path("images"), "dark")));
  EXPECT_THAT(Predict(options).status(),
              StatusIs(absl::StatusCode::kDataLoss,
                       HasSubstr("none of 2 images can be read; the first is zz/cut, short.png")));
  ASSERT_OK(RemoveAll(JoinPath(Path("images"), "zz/cut, short.png")));
  ASSERT_OK(RemoveAll(JoinPath(Path("images"), "zz/empty.jpg")));
  EXPECT_THAT(Predict(options).status(), StatusIs(kBad, HasSubstr("there are no images")));
}

TEST_F(PredictTest, JsonLinesHaveTheTopClassesInOrder) {
  Embed();
  v1::PredictOptions options = Options(Probe());
  options.set_format(v1::PredictOptions::JSONL);
  ASSERT_OK(Predict(options));
  const std::string text = Read("predictions.jsonl");
  int lines = 0;
  for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    const nlohmann::json json = nlohmann::json::parse(line.begin(), line.end());
    ASSERT_EQ(json["top"].size(), 2);
    EXPECT_EQ(json["top"][0]["class"], json["class"]);
    EXPECT_GE(json["top"][0]["probability"].get<double>(), 0.5);
    EXPECT_NEAR(
        json["top"][0]["probability"].get<double>() + json["top"][1]["probability"].get<double>(),
        1, 1e-5);
    ++lines;
  }
  EXPECT_EQ(lines, kImages);
}

TEST_F(PredictTest, APageNeedsNoNetworkAndShowsTheFirstImages) {
  Embed();
  const std::string probe = Probe();
  Put("<b>&.png", Picture(3));
  v1::PredictOptions options = Options(probe);
  options.set_format(v1::PredictOptions::PAGE);
  options.set_page_images(10);
  ASSERT_OK_AND_ASSIGN(const StageOutcome outcome, Predict(options));
  const std::string page = Read("predictions.html");
  EXPECT_THAT(page,
              AllOf(HasSubstr("10 images shown, 21 more predicted"),
                    HasSubstr("<bdi>&lt;b&gt;&amp;.png</bdi>"), HasSubstr("<bdi>bright</bdi>: "),
                    HasSubstr("<bdi>bright</bdi> ("), Not(HasSubstr("<b>")), Not(HasSubstr("http")),
                    Not(HasSubstr("<script"))));
  const std::vector<std::string> pictures = absl::StrSplit(page, "data:image/jpeg;base64,");
  EXPECT_EQ(pictures.size(), 11);
  // A class has all of its images, shown or not.
  const auto classes = nlohmann::json::parse(outcome.manifest.result_json())["classes"];
  for (const auto& predicted : classes) {
    const std::string name = predicted["name"];
    const int64_t images = predicted["images"];
    EXPECT_THAT(page, AllOf(HasSubstr(absl::StrCat("<bdi>", name, "</bdi> (", images, ")")),
                            HasSubstr(absl::StrCat(images, " images</h2>"))));
  }
  EXPECT_THAT(page, HasSubstr(" of "));
  EXPECT_THAT(outcome.manifest.notes(), Contains(HasSubstr("shows the first 10 of 31 images")));
}

TEST_F(PredictTest, FeaturesAreReadWhereTheClassifiersWere) {
  FindKeysInOrder();
  readout_layer_ = 3;
  Embed();
  ExpectAsFromEmbeddings(Options(Probe()));
  // Patches are no images.
  readout_tokens_ = v1::Readout::PATCHES;
  Embed();
  std::string embeddings = Path("train");
  v1::SgdProbeOptions sgd;
  sgd.set_train(embeddings);
  sgd.set_test(embeddings);
  sgd.set_epochs(1);
  sgd.set_output(Path("sgd"));
  EXPECT_THAT(RunStage(SgdProbeInfo(), sgd, {.force = true}, RunSgdProbe).status(),
              StatusIs(kBad, HasSubstr("rows per image (embed --tokens=patches)")));
}

TEST_F(PredictTest, AnotherEncoderOrPreparationIsRefused) {
  Embed();
  v1::PredictOptions options = Options(Probe());
  options.set_model(MakeTestModel({.name = "other", .change = [](Backbone* backbone) {
                                     backbone->state()[0].tensor.detach().mul_(2);
                                   }}));
  EXPECT_THAT(Predict(options).status(),
              StatusIs(kBad, AllOf(HasSubstr("from features of other weights than --model="),
                                   HasSubstr("name the model"))));
  options.set_model(model_);
  ASSERT_OK(Predict(options));
  v1::ModelSpec spec = TestModelSpec();
  spec.set_mean(0, 0.4);
  const std::string path = JoinPath(model_, kModelSpecName);
  ASSERT_OK_AND_ASSIGN(const int64_t size, FileSize(path));
  std::string text = PrintTextProto(spec);
  ASSERT_EQ(static_cast<int64_t>(text.size()), size);
  ASSERT_OK(WriteFile(path, text));
  EXPECT_THAT(Predict(options).status(),
              StatusIs(kBad, HasSubstr("from images of another size or normalisation")));
  EXPECT_FALSE(FileExists(Path("predictions.partial")));
}

TEST_F(PredictTest, ThePrecisionIsThatOfTheClassifierAndAnotherIsAWarning) {
  Embed();
  const std::string in_float32 = Probe();
  v1::PredictOptions options = Options(in_float32);
  options.set_precision(v1::AUTO);
  ASSERT_OK_AND_ASSIGN(StageOutcome outcome, Predict(options));
  EXPECT_THAT(outcome.manifest.options(), HasSubstr("precision: FLOAT32"));
  if (ProcessorBfloat16() == Bfloat16Support::kNone) GTEST_SKIP() << "a processor with AVX-512";
  Embed(/*resize_px=*/0, v1::BF16);
  Probe();
  ASSERT_OK_AND_ASSIGN(outcome, Predict(options));
  const bool instructions = ProcessorBfloat16() == Bfloat16Support::kInstructions;
  EXPECT_THAT(outcome.manifest.options(),
              HasSubstr(instructions ? "precision: BF16" : "precision: FLOAT32"));
  options.set_precision(v1::FLOAT32);
  ASSERT_OK_AND_ASSIGN(outcome, Predict(options));
  EXPECT_THAT(
      outcome.manifest.notes(),
      Contains("--classifier comes from bf16 features; these are float32: probabilities and "
               "similarities differ a little"));
}

TEST_F(PredictTest, OptionsThatLackOrExcludeEachOtherAreRefused) {
  Embed();
  const std::string probe = Probe();
  const auto refused = [&](const std::function<void(v1::PredictOptions*)>& change,
                           absl::StatusCode code, const std::string& words) {
    v1::PredictOptions options = Options(probe);
    change(&options);
    EXPECT_THAT(Predict(options).status(), StatusIs(code, HasSubstr(words)));
  };
  refused([](auto* o) { o->clear_model(); }, kUsage, "--model is missing");
  refused([](auto* o) { o->clear_classifier(); }, kUsage, "--classifier is missing");
  refused([&](auto* o) { o->set_fine_tuned(model_); }, kUsage,
          "leave --model and --classifier out");
  refused([](auto* o) { o->clear_input(); }, kUsage, "--input is missing");
  refused([](auto* o) { o->set_k(3); }, kUsage, "--k is for a --classifier of knn");
  refused([](auto* o) { o->set_top_k(0); }, kUsage, "--top_k=0");
  refused([](auto* o) { o->set_target("hue"); }, kBad, "--target=hue");
  refused([&](auto* o) { o->set_image_root(Path("images")); }, kUsage, "--image_root is for csv");
  refused([&](auto* o) { o->set_input(Path("nowhere")); }, absl::StatusCode::kNotFound, "nowhere");
  refused([&](auto* o) { o->set_classifier(Path("train")); }, kBad, "holds no classifier");
  refused(
      [](auto* o) {
        o->set_format(v1::PredictOptions::PAGE);
        o->set_output("-");
      },
      kUsage, "a page is a file");
  refused([](auto* o) { o->set_page_images(500); }, kUsage, "goes with --format=page");
}

// Who reads them may stop early, and then the rest is not computed.
TEST(PredictionWriterTest, AStreamHasEachLineAtOnce) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_NONBLOCK), 0);
  const int standard_output = dup(STDOUT_FILENO);
  ASSERT_EQ(dup2(ends[1], STDOUT_FILENO), STDOUT_FILENO);
  const auto writer =
      OpenPredictionWriter(v1::PredictOptions::JSONL, /*folder=*/"", {"label", {"cat"}, 1, ""});
  ASSERT_EQ(dup2(standard_output, STDOUT_FILENO), STDOUT_FILENO);
  ASSERT_OK(writer);
  ASSERT_OK((*writer)->Append({"a.png", {{0, 1}}, ""}));
  char line[100];
  const ssize_t bytes = read(ends[0], line, sizeof(line));
  ASSERT_GT(bytes, 0);
  EXPECT_EQ(absl::string_view(line, bytes),
            "{\"image\":\"a.png\",\"class\":\"cat\",\"probability\":1,"
            "\"top\":[{\"class\":\"cat\",\"probability\":1}]}\n");
  ASSERT_OK((*writer)->Finish({}));
  for (const int fd : {ends[0], ends[1], standard_output}) close(fd);
}

TEST_F(PredictTest, AnInterruptedRunLeavesNoOutput) {
  Embed();
  const std::atomic<bool> interrupted = true;
  EXPECT_THAT(Predict(Options(Probe()), 2, &interrupted).status(),
              StatusIs(absl::StatusCode::kCancelled, HasSubstr("interrupted")));
  EXPECT_FALSE(FileExists(Path("predictions")));
}

}  // namespace
}  // namespace cassle
