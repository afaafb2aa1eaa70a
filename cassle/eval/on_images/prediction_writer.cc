#include "cassle/eval/on_images/prediction_writer.h"

#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cassle/base/csv.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/eval/on_images/prediction_page.h"
#include "nlohmann/json.hpp"

namespace cassle {
namespace {

using Damaged = std::vector<std::pair<std::string, std::string>>;

std::string JsonText(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// One line a prediction.
class LineWriter : public PredictionWriter {
 public:
  LineWriter(PredictionHead head, std::unique_ptr<FileWriter> file)
      : head_(std::move(head)), file_(std::move(file)) {}

  absl::Status Append(Prediction prediction) override { return file_->Append(Line(prediction)); }
  absl::Status Finish(const Damaged&) override { return file_->Close(); }

 protected:
  virtual std::string Line(const Prediction& prediction) const = 0;
  const std::string& ClassName(int c) const { return head_.class_names[c]; }

 private:
  const PredictionHead head_;
  const std::unique_ptr<FileWriter> file_;
};

class CsvWriter : public LineWriter {
 public:
  using LineWriter::LineWriter;

  static std::string Header(int top_k) {
    std::vector<std::string> cells = {"image", "class", "probability"};
    for (int i = 2; i <= top_k; ++i) {
      cells.push_back(absl::StrCat("class_", i));
      cells.push_back(absl::StrCat("probability_", i));
    }
    return CsvLine(cells);
  }

 private:
  std::string Line(const Prediction& prediction) const override {
    std::vector<std::string> cells = {prediction.image};
    for (const auto& [c, probability] : prediction.top) {
      cells.push_back(ClassName(c));
      cells.push_back(ProbabilityText(probability));
    }
    return CsvLine(cells);
  }
};

class JsonWriter : public LineWriter {
 public:
  using LineWriter::LineWriter;

 private:
  std::string Entry(const std::pair<int, double>& entry) const {
    return absl::StrCat("\"class\":", JsonText(ClassName(entry.first)),
                        ",\"probability\":", ProbabilityText(entry.second));
  }

  std::string Line(const Prediction& prediction) const override {
    std::string line = absl::StrCat("{\"image\":", JsonText(prediction.image), ",",
                                    Entry(prediction.top[0]), ",\"top\":[");
    for (size_t i = 0; i < prediction.top.size(); ++i) {
      absl::StrAppend(&line, i == 0 ? "{" : ",{", Entry(prediction.top[i]), "}");
    }
    return absl::StrCat(line, "]}\n");
  }
};

class PageWriter : public PredictionWriter {
 public:
  PageWriter(PredictionHead head, std::string path)
      : path_(std::move(path)), head_(std::move(head)) {}

  absl::Status Append(Prediction prediction) override {
    if (prediction.picture.empty()) {
      ++not_shown_[prediction.top[0].first];
    } else {
      shown_.push_back(std::move(prediction));
    }
    return absl::OkStatus();
  }

  absl::Status Finish(const Damaged& damaged) override {
    return WriteFile(path_, PredictionPage(head_, shown_, not_shown_, damaged));
  }

 private:
  const std::string path_;
  const PredictionHead head_;
  std::vector<Prediction> shown_;
  // By class.
  std::map<int, int64_t> not_shown_;
};

}  // namespace

std::string ProbabilityText(double probability) { return absl::StrFormat("%.6g", probability); }

absl::StatusOr<std::unique_ptr<PredictionWriter>> OpenPredictionWriter(
    v1::PredictOptions::Format format, const std::string& folder, PredictionHead head) {
  if (format == v1::PredictOptions::PAGE) {
    return std::unique_ptr<PredictionWriter>(
        new PageWriter(std::move(head), JoinPath(folder, "predictions.html")));
  }
  const bool json = format == v1::PredictOptions::JSONL;
  // Who reads a stream gets each line when it is there, and who reads no further ends the run.
  CASSLE_ASSIGN_OR_RETURN(
      std::unique_ptr<FileWriter> file,
      folder.empty()
          ? FileWriter::Open("-", /*buffer_bytes=*/0)
          : FileWriter::Open(JoinPath(folder, json ? "predictions.jsonl" : "predictions.csv")));
  if (json) {
    return std::unique_ptr<PredictionWriter>(new JsonWriter(std::move(head), std::move(file)));
  }
  CASSLE_RETURN_IF_ERROR(file->Append(CsvWriter::Header(head.top_k)));
  return std::unique_ptr<PredictionWriter>(new CsvWriter(std::move(head), std::move(file)));
}

}  // namespace cassle
