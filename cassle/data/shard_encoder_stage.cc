#include "cassle/data/shard_encoder_stage.h"

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "cassle/base/csv.h"
#include "cassle/base/file.h"
#include "cassle/base/out_of_memory.h"
#include "cassle/base/status_macros.h"
#include "cassle/base/thread_pool.h"
#include "cassle/data/dataset_notes.h"
#include "cassle/data/encode_item.h"
#include "cassle/data/named_images.h"
#include "cassle/data/records/dataset_writer.h"
#include "cassle/data/records/tfrecord.h"
#include "cassle/data/source_arguments.h"
#include "cassle/data/sources/coarse_source.h"
#include "cassle/data/sources/foreign_format.h"
#include "cassle/data/sources/names.h"
#include "cassle/data/sources/selected_source.h"
#include "cassle/data/sources/source.h"
#include "cassle/data/sources/sources.h"
#include "cassle/data/split_assignment.h"
#include "cassle/data/unlabelled_images.h"
#include "cassle/stage/options.h"
#include "cassle/stage/progress.h"

namespace cassle {
namespace {

// Images in memory at a time: bounded in number and in bytes of their files.
constexpr size_t kBatchItems = 256;
constexpr size_t kBatchBytes = size_t{64} << 20;
// A larger label is taken for damage (or a time stamp) rather than counted to.
constexpr int64_t kMaxClasses = 1000000;
// Bad images that are shown on stderr one by one.
constexpr int64_t kShownBad = 20;

// "--expect=train=50,test=10".
std::string ExpectFlag(const std::vector<std::pair<std::string, int64_t>>& splits) {
  return absl::StrCat("--expect=", absl::StrJoin(splits, ",", absl::PairFormatter("=")));
}

using ExpectedCounts = std::vector<std::pair<std::string, int64_t>>;

// The splits of --expect and their numbers of images.
absl::StatusOr<ExpectedCounts> ReadExpected(const v1::ShardEncoderOptions& options) {
  ExpectedCounts counts;
  for (const std::string& entry : options.expect()) {
    const std::vector<std::string> sides = absl::StrSplit(entry, '=');
    int64_t count = 0;
    if (sides.size() != 2 || !absl::SimpleAtoi(sides[1], &count)) {
      return absl::InvalidArgumentError(absl::StrCat("--expect=", entry, " is not SPLIT=COUNT"));
    }
    counts.emplace_back(sides[0], count);
  }
  return counts;
}

// What can be judged before any file is read.
absl::Status CheckOptions(const v1::ShardEncoderOptions& options) {
  const bool by_split = !options.train().empty() || !options.val().empty() ||
                        !options.test().empty() || !options.unlabeled().empty();
  if (!options.input().empty() && by_split) {
    return absl::InvalidArgumentError(
        "give either --input or --train, --val, --test and --unlabeled, not both");
  }
  v1::ShardEncoderOptions defaults;
  CASSLE_RETURN_IF_ERROR(ApplyDefaults(&defaults));
  if (options.split_seed() != defaults.split_seed() && options.val_fraction() == 0) {
    return absl::InvalidArgumentError("--split_seed is of --val_fraction, which is 0");
  }
  const bool encodes_jpeg =
      options.store() == v1::ShardEncoderOptions::JPEG ||
      (options.store() == v1::ShardEncoderOptions::ORIGINAL && options.resize_short() > 0);
  if (options.jpeg_quality() != defaults.jpeg_quality() && !encodes_jpeg) {
    return absl::InvalidArgumentError(
        "--jpeg_quality: no JPEG is encoded without --store=jpeg or --resize_short");
  }
  return ReadExpected(options).status();
}

// \error kDataLoss naming the split that has another number of images.
absl::Status CheckExpected(const ExpectedCounts& counts, const v1::DatasetInfo& info) {
  for (const auto& [name, expected] : counts) {
    int64_t images = 0;
    for (const v1::SplitInfo& split : info.splits()) {
      if (split.name() == name) images = split.num_images();
    }
    if (images == expected) continue;
    std::vector<std::pair<std::string, int64_t>> splits;
    for (const v1::SplitInfo& split : info.splits()) {
      splits.emplace_back(split.name(), split.num_images());
    }
    return absl::DataLossError(absl::StrCat(
        "split '", name, "' has ", images, " images, ", expected,
        " were expected: is the download complete and unpacked? If these images are what you want, "
        "give ",
        ExpectFlag(splits)));
  }
  return absl::OkStatus();
}

// A line of the quarantine list is one of the file.
std::string OnOneLine(const std::string& text) {
  return QuotedCsvCell(absl::StrReplaceAll(text, {{"\n", " "}}));
}

// The run of one encoding: the steps of RunShardEncoder with their shared state.
class Encoder {
 public:
  Encoder(const v1::ShardEncoderOptions& options, StageContext* context)
      : options_(options), context_(*context) {}

  absl::Status Run() {
    CASSLE_ASSIGN_OR_RETURN(expected_, ReadExpected(options_));
    CASSLE_ASSIGN_OR_RETURN(const SourceArguments arguments,
                            MakeSourceArguments(options_, context_));
    tally_ = arguments.tally;
    CASSLE_ASSIGN_OR_RETURN(source_, Open(arguments));
    CASSLE_ASSIGN_OR_RETURN(source_, WithCoarseClasses(std::move(source_), options_.coarse()));
    CASSLE_ASSIGN_OR_RETURN(source_, SelectFrom(std::move(source_), arguments.choice,
                                                options_.join_splits(), tally_.get()));
    CASSLE_RETURN_IF_ERROR(CheckClasses());
    CASSLE_ASSIGN_OR_RETURN(SplitAssignment assignment,
                            SplitAssignment::Create(options_, source_->splits()));
    assignment_ = std::make_unique<SplitAssignment>(std::move(assignment));
    if (assignment_->names().empty()) return CheckCounts();
    if (context_.streaming()) {
      if (options_.val_fraction() > 0 || !options_.split_list().empty() || !expected_.empty()) {
        return absl::InvalidArgumentError(
            "--val_fraction, --split_list and --expect need an output folder; a stream has the "
            "input's order and is out before all are counted");
      }
      CASSLE_ASSIGN_OR_RETURN(stream_, TfRecordWriter::Open("-"));
    } else {
      writer_ = std::make_unique<DatasetWriter>(context_.output_dir(), assignment_->names(),
                                                options_.max_shard_bytes());
    }
    CASSLE_RETURN_IF_ERROR(EncodeAll());
    CASSLE_RETURN_IF_ERROR(assignment_->CheckListUsed());
    if (!options_.split_list().empty() && assignment_->unlisted() > 0) {
      context_.Note(absl::StrCat(assignment_->unlisted(),
                                 " images stay in their splits, since --split_list does not name "
                                 "them"));
    }
    CASSLE_RETURN_IF_ERROR(CheckCounts());
    return Finish();
  }

 private:
  // One image between source and writer.
  struct Slot {
    SourceItem item;
    int source_split = 0;
    EncodedItem encoded;
    bool done = false;
  };

  // Opening an archive reads all of it.
  absl::StatusOr<std::unique_ptr<ImageSource>> Open(SourceArguments arguments) {
    std::unique_ptr<Progress> progress;
    int64_t progress_total = -1;
    arguments.reading = [&](int64_t done, int64_t total) {
      constexpr int64_t kMegabyte = 1000000;
      if (total != progress_total) {
        progress.reset();
        progress = std::make_unique<Progress>("reading", total / kMegabyte, "MB");
        progress_total = total;
      }
      progress->Set(done / kMegabyte);
    };
    return OpenSource(options_.source(), arguments, &layout_);
  }

  // Reads the next images that are wanted; fewer than a full batch only at the end.
  absl::Status ReadBatch(std::vector<Slot>* batch) {
    batch->clear();
    size_t bytes = 0;
    while (batch->size() < kBatchItems && bytes < kBatchBytes) {
      Slot slot;
      CASSLE_ASSIGN_OR_RETURN(const bool more, source_->Next(&slot.item));
      if (!more) {
        at_end_ = true;
        break;
      }
      slot.source_split = slot.item.split;
      CASSLE_ASSIGN_OR_RETURN(const std::optional<int> split,
                              assignment_->Assign(slot.item.split, slot.item.key));
      if (!split.has_value()) continue;
      slot.item.split = *split;
      bytes += slot.item.file.size() + slot.item.pixels.pixels.size();
      batch->push_back(std::move(slot));
    }
    return absl::OkStatus();
  }

  // Batches go through in order; while one is encoded, the next is read (by one of the threads).
  absl::Status EncodeAll() {
    // How many are chosen is known only where all are.
    const bool all = options_.splits_size() == 0 && options_.limit() == 0;
    Progress progress("encoding", all ? source_->size() : 0, "images");
    std::vector<Slot> batch, next;
    CASSLE_RETURN_IF_ERROR(ReadBatch(&batch));
    while (!batch.empty()) {
      absl::Status read;
      next.clear();
      CASSLE_RETURN_IF_ERROR(EncodeBatch(&batch, [&] {
        if (!at_end_) read = ReadBatch(&next);
      }));
      CASSLE_RETURN_IF_ERROR(read);
      if (context_.interrupted()) return absl::CancelledError("interrupted; start again to redo");
      progress.Set(images_ + bad_);
      batch.swap(next);
    }
    return absl::OkStatus();
  }

  // Encodes the images and accepts them in their order; calls `meanwhile` once beside that. Small
  // files may have many pixels: more are encoded only when what is encoded has left the memory.
  absl::Status EncodeBatch(std::vector<Slot>* batch, const std::function<void()>& meanwhile) {
    size_t accepted = 0;
    bool first = true;
    while (accepted < batch->size()) {
      std::atomic<size_t> bytes = 0;
      const size_t from = accepted;
      ParallelFor(context_.threads(), static_cast<int64_t>(batch->size() - from) + 1,
                  [&](int64_t i) {
                    if (i == 0) {
                      if (first) meanwhile();
                      return;
                    }
                    Slot& slot = (*batch)[from + i - 1];
                    // The next one always, so that each round accepts one.
                    if (slot.done || (i > 1 && bytes >= kBatchBytes)) return;
                    slot.encoded = EncodeItem(options_, std::move(slot.item));
                    slot.done = true;
                    bytes += slot.encoded.record.encoded().size();
                  });
      first = false;
      for (; accepted < batch->size() && (*batch)[accepted].done; ++accepted) {
        CASSLE_RETURN_IF_ERROR(Accept(&(*batch)[accepted]));
        (*batch)[accepted].encoded = {};
      }
    }
    return absl::OkStatus();
  }

  absl::Status Accept(Slot* slot) {
    EncodedItem& encoded = slot->encoded;
    const std::string& split = assignment_->names()[encoded.split];
    // Which images are bad must not depend on the machine.
    if (IsOutOfMemory(encoded.status)) {
      return Annotate(encoded.status,
                      absl::StrCat(encoded.record.key(), " (--max_pixels leaves large ones out)"));
    }
    if (!encoded.status.ok()) {
      const std::string reason(encoded.status.message());
      // The first one is in the last line.
      if (bad_ == 0) {
        first_bad_ = absl::StrCat(encoded.record.key(), ": ", reason);
      } else if (bad_ < kShownBad) {
        context_.Warn(absl::StrCat("bad image ", encoded.record.key(), ": ", reason));
      }
      ++bad_;
      absl::StrAppend(&quarantine_, split, ",", OnOneLine(encoded.record.key()), ",",
                      OnOneLine(reason), "\n");
      return absl::OkStatus();
    }
    for (const std::string& remark : encoded.remarks) tally_->Count(remark, encoded.record.key());
    if (!encoded.record.has_label() && split != "unlabeled") {
      unlabelled_.Add(encoded.record.key());
    }
    if (encoded.record.has_label()) {
      const int64_t label = encoded.record.label();
      if (label < 0 || label >= kMaxClasses) {
        return absl::FailedPreconditionError(absl::StrCat(encoded.record.key(), ": label ", label,
                                                          " is not in 0 .. ", kMaxClasses - 1));
      }
      if (label > largest_label_) {
        largest_label_ = label;
        largest_label_key_ = encoded.record.key();
      }
    }
    if (sums_.size() <= static_cast<size_t>(encoded.split)) {
      sums_.resize(encoded.split + 1);
      images_of_.resize(encoded.split + 1);
    }
    ++images_of_[encoded.split];
    sums_[encoded.split].Add(encoded.sums);
    ++images_;
    if (stream_ != nullptr) {
      encoded.record.set_id(static_cast<uint64_t>(images_ - 1));
      encoded.record.SerializeToString(&payload_);
      return stream_->Append(payload_);
    }
    CASSLE_RETURN_IF_ERROR(writer_->AdvanceTo(assignment_->FirstOpen(slot->source_split)));
    return writer_->Append(encoded.split, &encoded.record, encoded.pixels);
  }

  absl::Status CheckCounts() const {
    const int64_t all = images_ + bad_;
    const std::string from =
        options_.input().empty() ? absl::StrCat("the ", layout_, " input") : options_.input();
    if (all == 0) {
      const std::string advice = ForeignFormatAdvice(options_.input());
      if (!advice.empty()) return absl::FailedPreconditionError(advice);
      return absl::FailedPreconditionError(absl::StrCat(
          from, ": there are no images (layout ", layout_, ")",
          tally_->Sentences().empty() ? "" : ": ", absl::StrJoin(tally_->Sentences(), "; ")));
    }
    if (static_cast<double>(bad_) > options_.max_bad_fraction() * static_cast<double>(all) ||
        images_ == 0) {
      return absl::DataLossError(absl::StrCat(bad_, " of ", all,
                                              " images cannot be read; the first is ", first_bad_,
                                              images_ == 0 ? "" : HowToLeaveOut()));
    }
    return absl::OkStatus();
  }

  // Flags with which the images that can be read are encoded. What a recipe expects counts all.
  std::string HowToLeaveOut() const {
    const double fraction = 1.001 * static_cast<double>(bad_) / static_cast<double>(images_ + bad_);
    std::string flags = absl::StrCat("--max_bad_fraction=", std::min(1.0, fraction));
    if (options_.expect_size() > 0) {
      std::vector<std::pair<std::string, int64_t>> splits;
      for (size_t i = 0; i < images_of_.size(); ++i) {
        if (images_of_[i] > 0) splits.emplace_back(assignment_->names()[i], images_of_[i]);
      }
      absl::StrAppend(&flags, " ", ExpectFlag(splits));
    }
    return absl::StrCat("; leave such images out with ", flags);
  }

  // Before hours are spent, of a source that knows its classes from the beginning.
  absl::Status CheckClasses() {
    v1::DatasetInfo info;
    CASSLE_RETURN_IF_ERROR(source_->Describe(&info));
    Tally counted_at_the_end;
    return CheckClassNames({info.classes().begin(), info.classes().end()}, &counted_at_the_end);
  }

  absl::Status Describe(v1::DatasetInfo* info) {
    info->set_name(options_.name().empty() ? layout_ : options_.name());
    CASSLE_RETURN_IF_ERROR(source_->Describe(info));
    CASSLE_RETURN_IF_ERROR(
        CheckClassNames({info->classes().begin(), info->classes().end()}, tally_.get()));
    if (!options_.coarse().empty() && largest_label_ < 0) {
      return absl::FailedPreconditionError("--coarse: no image has a class");
    }
    if (info->classes_size() == 0) {
      for (int64_t i = 0; i <= largest_label_; ++i) info->add_classes(absl::StrCat(i));
    }
    if (largest_label_ >= info->classes_size()) {
      return absl::FailedPreconditionError(absl::StrCat(
          largest_label_key_, ": label ", largest_label_, " is not in 0 .. ",
          info->classes_size() - 1, " (", info->classes_size(), " classes are named)"));
    }
    // Of the first split that has images.
    for (const ChannelSums& sums : sums_) {
      if (sums.pixels == 0) continue;
      for (double mean : sums.Mean()) info->add_channel_mean(mean);
      for (double deviation : sums.StandardDeviation()) info->add_channel_std(deviation);
      break;
    }
    std::vector<std::string> done = {
        absl::StrCat("layout ", layout_),
        absl::StrCat("store ", v1::ShardEncoderOptions::Store_Name(options_.store()))};
    if (options_.class_order() == v1::DatasetLayout::NATURAL) {
      done.push_back("classes in natural order");
    }
    if (options_.resize_short() > 0) {
      done.push_back(absl::StrCat("short side at most ", options_.resize_short()));
    }
    if (options_.val_fraction() > 0) {
      done.push_back(absl::StrCat("val drawn from train, fraction ", options_.val_fraction(),
                                  ", seed ", options_.split_seed()));
    }
    if (!options_.split_list().empty()) done.push_back("splits as listed");
    if (options_.limit() > 0) {
      done.push_back(absl::StrCat("first ", options_.limit(), " of each split"));
    }
    if (bad_ > 0) done.push_back(absl::StrCat(bad_, " unreadable images left out"));
    info->set_provenance(absl::StrJoin(done, "; "));
    return absl::OkStatus();
  }

  // Of a data set without labels, where they may be; of one with labels, the splits that have none.
  void SayUnlabelled(const v1::DatasetInfo& info) {
    if (!options_.label_from().empty() || !info.targets().empty()) return;
    if (largest_label_ < 0) {
      const std::string sentence =
          unlabelled_.Sentence(tally_->label_files(), layout_, options_.input());
      if (!sentence.empty()) tally_->Decide(sentence);
      return;
    }
    for (const v1::SplitInfo& split : info.splits()) {
      if (split.name() == "unlabeled" || split.num_images() == 0) continue;
      if (split.num_unlabeled() < split.num_images()) continue;
      tally_->Decide(absl::StrCat("no image of ", split.name(), " has a label"));
    }
  }

  // A line for every name that was counted (the first of each kind, Tally::kMaxNames).
  std::string Remarks() const {
    std::string lines = "remark,name\n";
    for (const auto& [remark, entry] : tally_->entries()) {
      for (const std::string& name : entry.names) {
        absl::StrAppend(&lines, OnOneLine(remark), ",", OnOneLine(name), "\n");
      }
    }
    return lines;
  }

  absl::Status Finish() {
    v1::DatasetInfo info;
    CASSLE_RETURN_IF_ERROR(Describe(&info));
    if (stream_ == nullptr) CASSLE_RETURN_IF_ERROR(writer_->Finish(&info));
    SayNotes(options_, info, assignment_->over_limit(), tally_.get());
    SayUnlabelled(info);
    if (bad_ > 0) {
      tally_->Decide(absl::StrCat(bad_, " of ", images_ + bad_,
                                  " images left out (quarantine.csv); the first is ", first_bad_));
    }
    context_.Count("images", images_);
    context_.Count("quarantined", bad_);
    for (const std::string& sentence : tally_->Sentences()) context_.Note(sentence);
    if (stream_ != nullptr) return stream_->Close();
    CASSLE_RETURN_IF_ERROR(CheckExpected(expected_, info));
    CASSLE_RETURN_IF_ERROR(
        WriteFile(JoinPath(context_.output_dir(), "quarantine.csv"), quarantine_));
    if (!tally_->entries().empty()) {
      CASSLE_RETURN_IF_ERROR(WriteFile(JoinPath(context_.output_dir(), "remarks.csv"), Remarks()));
    }
    v1::ShardEncoderResult result;
    result.set_name(info.name());
    result.set_images(images_);
    result.set_quarantined(bad_);
    for (const v1::SplitInfo& split : info.splits()) {
      v1::EncodedSplit* encoded = result.add_splits();
      encoded->set_name(split.name());
      encoded->set_images(split.num_images());
      encoded->set_unlabeled(split.num_unlabeled());
    }
    *result.mutable_channel_mean() = info.channel_mean();
    *result.mutable_channel_std() = info.channel_std();
    return context_.SetResult(result);
  }

  const v1::ShardEncoderOptions& options_;
  StageContext& context_;
  ExpectedCounts expected_;
  std::string layout_;
  std::shared_ptr<Tally> tally_;
  std::unique_ptr<ImageSource> source_;
  std::unique_ptr<SplitAssignment> assignment_;
  // One of the two.
  std::unique_ptr<DatasetWriter> writer_;
  std::unique_ptr<TfRecordWriter> stream_;
  bool at_end_ = false;
  int64_t images_ = 0;
  int64_t bad_ = 0;
  std::string first_bad_;
  std::string quarantine_ = "split,key,reason\n";
  int64_t largest_label_ = -1;
  std::string largest_label_key_;
  // By split.
  std::vector<ChannelSums> sums_;
  std::vector<int64_t> images_of_;
  std::string payload_;
  UnlabelledImages unlabelled_;
};

}  // namespace

StageInfo ShardEncoderInfo() {
  StageInfo info;
  info.name = "shard-encoder";
  info.version = 10;
  info.summary =
      "Reads images of any layout (folders, tars, CIFAR, STL-10, IDX, CSV, lists of published data "
      "sets or the built-in generator), checks every one, and writes them as a data set folder of "
      "shards.";
  info.check = CheckOf<v1::ShardEncoderOptions>(CheckOptions);
  info.named_inputs = [](const google::protobuf::Message& options,
                         const StageContext& context) -> absl::StatusOr<std::string> {
    const auto& own = static_cast<const v1::ShardEncoderOptions&>(options);
    CASSLE_ASSIGN_OR_RETURN(const SourceArguments arguments, MakeSourceArguments(own, context));
    return FingerprintNamedImages(own.source(), arguments);
  };
  return info;
}

absl::Status RunShardEncoder(const v1::ShardEncoderOptions& options, StageContext& context) {
  return Encoder(options, &context).Run();
}

}  // namespace cassle
