#include "cassle/eval/on_images/embedding_table.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "cassle/base/status_macros.h"
#include "nlohmann/json.hpp"

namespace cassle {
namespace {

std::string NameList(const google::protobuf::RepeatedPtrField<std::string>& names) {
  return nlohmann::json(std::vector<std::string>(names.begin(), names.end()))
      .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

EmbeddingTable::EmbeddingTable(const Dataset& images, int64_t feature_size)
    : info_(images.info()), feature_size_(feature_size), targets_(info_.targets_size()) {
  features_.reserve(images.size() * feature_size);
  ids_.reserve(images.size());
  labels_.reserve(images.size());
}

absl::Status EmbeddingTable::Append(const v1::EmbeddedBatch& batch) {
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
    CASSLE_RETURN_IF_ERROR(Annotate(AppendTargets(record),
                                    absl::StrCat("image ", record.id(), " (", record.key(), ")")));
  }
  return absl::OkStatus();
}

void EmbeddingTable::AddTo(SafetensorsWriter* writer) const {
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

std::vector<std::string> EmbeddingTable::MissingSentences() const {
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

// Every target of the data set gets one value: a class that the record lacks is -1, a vector is
// not a number.
absl::Status EmbeddingTable::AppendTargets(const v1::ImageRecord& record) {
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

}  // namespace cassle
