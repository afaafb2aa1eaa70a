#include "cassle/data/split_assignment.h"

#include <algorithm>
#include <filesystem>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "cassle/base/escaped_name.h"
#include "cassle/base/philox.h"
#include "cassle/base/status_macros.h"
#include "cassle/base/text_proto.h"
#include "cassle/data/sources/names.h"
#include "cassle/data/sources/source.h"

namespace cassle {
namespace {

// The same for all ways in which programs write the path of one file.
std::string PlainPath(absl::string_view path) {
  const std::string plain =
      std::filesystem::path(absl::StrReplaceAll(path, {{"\\", "/"}})).lexically_normal().string();
  return NormalForm(plain.substr(std::min(plain.find_first_not_of('/'), plain.size())));
}

// Why files cannot be called after the split, which might lie in another folder then; empty: they
// can.
std::string WhyNoSplitName(const std::string& name) {
  constexpr size_t kMostBytes = 100;
  if (name.empty()) return "it is empty";
  if (name[0] == '.') return "it begins with '.'";
  if (absl::StrContains(name, '/')) return "it holds '/'";
  if (OneLine(name) != name) return "it is no text on one line";
  if (name.size() > kMostBytes) return absl::StrCat("it has more than ", kMostBytes, " bytes");
  return "";
}

}  // namespace

int SplitAssignment::IndexOf(const std::string& name) const {
  const auto found = std::find(names_.begin(), names_.end(), name);
  return found == names_.end() ? -1 : static_cast<int>(found - names_.begin());
}

absl::StatusOr<SplitAssignment> SplitAssignment::Create(
    const v1::ShardEncoderOptions& options, const std::vector<std::string>& source_splits) {
  SplitAssignment result;
  result.names_ = source_splits;
  const auto add = [&](const std::string& name) {
    if (result.IndexOf(name) < 0) result.names_.push_back(name);
  };
  result.val_fraction_ = options.val_fraction();
  result.seed_ = options.split_seed();
  result.limit_ = options.limit();
  if (options.val_fraction() > 0) {
    if (result.IndexOf("train") < 0 || result.IndexOf("val") >= 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("--val_fraction draws from train into a new val split, but the input has ",
                       absl::StrJoin(source_splits, ", ")));
    }
    add("val");
  }
  struct Line {
    std::string key, split;
    size_t number;
  };
  std::vector<Line> list;
  // "splits.txt:3", where the list first names the split.
  std::unordered_map<std::string, std::string> origins;
  if (!options.split_list().empty()) {
    CASSLE_ASSIGN_OR_RETURN(const std::vector<std::string> lines,
                            ReadLines(options.split_list(), ForeignBytes::kKept));
    for (size_t i = 0; i < lines.size(); ++i) {
      if (lines[i].empty() || lines[i][0] == '#') continue;
      // The split is the last word; keys may hold spaces.
      const size_t gap = lines[i].find_last_of(" \t");
      // Keys have the escaped names; the list may have those of the disk.
      const std::string key =
          EscapedName(UnescapedName(absl::StripAsciiWhitespace(lines[i].substr(0, gap))));
      if (gap == std::string::npos || key.empty()) {
        return absl::DataLossError(absl::StrCat(options.split_list(), ":", i + 1, ": '", lines[i],
                                                "' is not 'KEY SPLIT'"));
      }
      const std::string word = lines[i].substr(gap + 1);
      const std::string canonical = CanonicalSplit(word);
      if (canonical.empty() && options.splits_size() == 0 && options.join_splits().empty()) {
        return absl::FailedPreconditionError(
            absl::StrCat(options.split_list(), ":", i + 1, ": '", word,
                         "' is none of the splits train, val, test, unlabeled; --splits=", word,
                         ",... names those that are wanted, whatever they are called"));
      }
      list.push_back({key, canonical.empty() ? word : canonical, i + 1});
      add(list.back().split);
      origins.emplace(list.back().split, absl::StrCat(options.split_list(), ":", i + 1));
    }
    result.list_path_ = options.split_list();
  }
  SortSplits(&result.names_);
  for (const auto& [key, split, number] : list) {
    const auto [listed, added] =
        result.listed_.emplace(key, Listed{result.IndexOf(split), number, ""});
    if (!added) {
      return absl::DataLossError(absl::StrCat(options.split_list(), ":", number, ": '", key,
                                              "' is listed twice, as in line ",
                                              listed->second.line));
    }
    result.listed_alike_.emplace(PlainPath(key), &*listed);
  }
  for (const std::string& split : source_splits)
    result.from_source_.push_back(result.IndexOf(split));
  result.train_ = result.IndexOf("train");
  result.val_ = result.IndexOf("val");
  result.taken_.resize(result.names_.size());
  result.kept_.assign(result.names_.size(), options.splits_size() == 0);
  for (const std::string& wanted : options.splits()) {
    const int index = result.IndexOf(wanted);
    if (index < 0) {
      return absl::InvalidArgumentError(absl::StrCat(
          "--splits names '", wanted, "', but there are ", absl::StrJoin(result.names_, ", ")));
    }
    result.kept_[index] = true;
  }
  for (size_t i = 0; i < result.names_.size(); ++i) {
    const std::string& name = result.names_[i];
    const std::string why = result.kept_[i] ? WhyNoSplitName(name) : "";
    if (why.empty()) continue;
    if (name == options.join_splits()) {
      return absl::InvalidArgumentError(
          absl::StrCat("--join_splits=", OneLine(name), " is no name for a split: ", why));
    }
    const auto origin = origins.find(name);
    return absl::DataLossError(absl::StrCat(
        origin == origins.end() ? absl::StrCat("--input=", options.input()) : origin->second, ": '",
        OneLine(name), "' is no name for a split: ", why,
        "; rename it, or name with --splits those that are wanted"));
  }
  return result;
}

std::pair<const std::string, SplitAssignment::Listed>* SplitAssignment::FindListed(
    const std::string& key) {
  if (listed_.empty()) return nullptr;
  const std::string below = key.substr(key.find('/') + 1);
  for (const std::string* name : {&key, &below}) {
    const auto listed = listed_.find(*name);
    if (listed != listed_.end()) return &*listed;
  }
  for (const std::string* name : {&key, &below}) {
    const auto alike = listed_alike_.find(PlainPath(*name));
    if (alike != listed_alike_.end()) return alike->second;
  }
  return nullptr;
}

absl::StatusOr<std::optional<int>> SplitAssignment::Assign(int source_split,
                                                           const std::string& key) {
  int split = from_source_[source_split];
  const bool in_train = split == train_;
  if (example_key_.empty()) example_key_ = key;
  auto* const listed = FindListed(key);
  if (listed != nullptr) {
    if (!listed->second.image.empty()) {
      return absl::DataLossError(absl::StrCat(
          list_path_, ": '", listed->first, "' names two images, ",
          listed->second.image == key ? absl::StrCat("both with the key ", key)
                                      : absl::StrCat(listed->second.image, " and ", key)));
    }
    split = listed->second.split;
    listed->second.image = key;
  } else if (in_train && val_fraction_ > 0) {
    Philox random(StreamKey{seed_, RandomDomain::kSplit, train_position_});
    if (random.NextDouble() < val_fraction_) split = val_;
  }
  if (in_train) ++train_position_;
  if (!kept_[split]) return std::optional<int>();
  if (limit_ > 0 && taken_[split] >= limit_) {
    ++over_limit_;
    return std::optional<int>();
  }
  ++taken_[split];
  if (listed == nullptr && !listed_.empty()) ++unlisted_;
  return std::optional<int>(split);
}

int SplitAssignment::FirstOpen(int source_split) const {
  // A list may put any image anywhere.
  return listed_.empty() ? from_source_[source_split] : 0;
}

absl::Status SplitAssignment::CheckListUsed() const {
  // By line.
  std::map<size_t, std::string> missing;
  for (const auto& [key, listed] : listed_) {
    if (listed.image.empty()) missing.emplace(listed.line, key);
  }
  if (missing.empty()) return absl::OkStatus();
  const auto& [line, key] = *missing.begin();
  for (const auto& [other, listed] : listed_) {
    const std::string image = PlainPath(listed.image), plain = PlainPath(key);
    if (image.empty() || (image != plain && image.substr(image.find('/') + 1) != plain)) continue;
    return absl::FailedPreconditionError(
        absl::StrCat(list_path_, ":", line, " names '", key, "', the image that line ", listed.line,
                     " names as '", other, "': leave one of the lines out"));
  }
  return absl::FailedPreconditionError(
      absl::StrCat(list_path_, ":", line, " names '", key, "', which the input does not have (",
                   missing.size(), " of ", listed_.size(), " keys are unknown)",
                   example_key_.empty() ? "" : absl::StrCat("; its keys are like ", example_key_)));
}

}  // namespace cassle
