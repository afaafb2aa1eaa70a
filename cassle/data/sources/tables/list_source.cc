// Lists of published data sets (--source=list, ListLayout in list_layout.proto): text files,
// folders and MATLAB files name the images, their classes, splits and targets (list_table.h).
//
// A line is a row of fields; fields of joined lists follow those of the line (the key is left out).
// Templates put them together:
//   {2}       the second field            {2-}     the second and all after it, as they stand there
//   {dir:2}   of a path, the folder       {stem:2} of a path, all but the ending
//   {name:2}  without a number at the end: "Abyssinian_100" is Abyssinian
//   {pad5:2}  a number with five digits, zeros in front
// Paths that may hold blanks are {1-}, their folders {dir:1-}.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "cassle/base/escaped_name.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/data/sources/image_files.h"
#include "cassle/data/sources/names.h"
#include "cassle/data/sources/sources.h"
#include "cassle/data/sources/tables/draw_splits.h"
#include "cassle/data/sources/tables/list_table.h"
#include "cassle/data/sources/tables/row_path.h"
#include "cassle/data/sources/tables/row_source.h"

namespace cassle {
namespace {

std::string WithoutNumber(const std::string& text) {
  size_t end = text.size();
  while (end > 0 && absl::ascii_isdigit(text[end - 1])) --end;
  return end > 0 && end < text.size() && text[end - 1] == '_' ? text.substr(0, end - 1) : text;
}

// All but the ending; a dot of a folder begins none.
std::string Stem(const std::string& path) {
  const size_t dot = path.rfind('.');
  const bool in_folder = dot != std::string::npos && path.find_first_of("/\\", dot) != path.npos;
  return in_folder ? path : path.substr(0, dot);
}

std::string Apply(absl::string_view function, const std::string& field) {
  if (function == "dir") return DirName(field);
  if (function == "name") return WithoutNumber(field);
  if (function == "stem") return Stem(field);
  int width = 0;
  const bool pad = absl::ConsumePrefix(&function, "pad") && absl::SimpleAtoi(function, &width);
  if (!pad || static_cast<int>(field.size()) >= width) return field;
  return absl::StrCat(std::string(width - field.size(), '0'), field);
}

bool IsFunction(absl::string_view function) {
  if (function == "dir" || function == "name" || function == "stem") return true;
  int width = 0;
  return absl::ConsumePrefix(&function, "pad") && absl::SimpleAtoi(function, &width) && width > 0 &&
         width < 100;
}

// The inside of one pair of braces.
absl::StatusOr<std::string> ExpandField(absl::string_view expression, const ListRow& row) {
  absl::string_view function, number = expression;
  const size_t colon = expression.find(':');
  if (colon != absl::string_view::npos) {
    function = expression.substr(0, colon);
    number = expression.substr(colon + 1);
  }
  const bool rest = absl::EndsWith(number, "-");
  if (rest) number.remove_suffix(1);
  int field = 0;
  if (!absl::SimpleAtoi(number, &field) || field < 1 ||
      (colon != absl::string_view::npos && !IsFunction(function))) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--lists: the template has {", expression,
        "}; it takes {N}, {N-}, {dir:N}, {stem:N}, {name:N} and {padK:N}, also with N-"));
  }
  if (field > static_cast<int>(row.fields.size())) {
    return absl::DataLossError(absl::StrCat(row.origin, ": {", expression, "} is asked for, but ",
                                            row.fields.size(), " fields are there"));
  }
  const std::string text = rest ? row.Rest(field - 1) : row.fields[field - 1];
  // DirName would say "." or "/".
  if (function == "dir" && text.find('/', text.find_first_not_of('/')) == std::string::npos) {
    return absl::DataLossError(absl::StrCat(row.origin, ": '", EscapedName(text),
                                            "' lies in no folder, which {", expression,
                                            "} asks for: move it, or leave it out (--leave_out)"));
  }
  return Apply(function, text);
}

absl::StatusOr<std::string> Expand(const std::string& text, const ListRow& row) {
  std::string expanded;
  size_t at = 0;
  while (true) {
    const size_t open = text.find('{', at);
    absl::StrAppend(&expanded, text.substr(at, open == std::string::npos ? open : open - at));
    if (open == std::string::npos) return expanded;
    const size_t close = text.find('}', open);
    if (close == std::string::npos) {
      return absl::InvalidArgumentError(
          absl::StrCat("--lists: a brace of the template '", text, "' is not closed"));
    }
    CASSLE_ASSIGN_OR_RETURN(const std::string field,
                            ExpandField(text.substr(open + 1, close - open - 1), row));
    absl::StrAppend(&expanded, field);
    at = close + 1;
  }
}

// The numbers of a target, single blanks between them. A published set has them for every image, so
// one that is short is damaged.
// \error kDataLoss naming `where` they stand.
absl::StatusOr<std::string> Numbers(const std::string& text, int size, const std::string& where) {
  const std::vector<absl::string_view> words =
      absl::StrSplit(text, absl::ByAnyChar(" \t\r\n"), absl::SkipEmpty());
  for (absl::string_view word : words) {
    float value = 0;
    if (!absl::SimpleAtof(word, &value) || !std::isfinite(value)) {
      return absl::DataLossError(absl::StrCat(where, ": '", word, "' is no finite number"));
    }
  }
  if (static_cast<int>(words.size()) != size) {
    return absl::DataLossError(
        absl::StrCat(where, ": it has ", words.size(), " numbers, ", size, " are needed"));
  }
  return absl::StrJoin(words, " ");
}

// The points of a .pts file: what stands between the braces, or all of a file without any.
absl::StatusOr<std::string> ReadPoints(const std::string& path, int size) {
  CASSLE_ASSIGN_OR_RETURN(std::string text, ReadFile(path));
  const size_t open = text.find('{');
  if (open != std::string::npos) {
    const size_t close = text.find('}', open);
    // The last number may be cut short, too.
    if (close == std::string::npos) {
      return absl::DataLossError(absl::StrCat(path, ": the brace is not closed (cut short?)"));
    }
    text = text.substr(open + 1, close - open - 1);
  }
  return Numbers(text, size, path);
}

class ListReader {
 public:
  ListReader(const SourceArguments& arguments, const v1::ImageList& layout)
      : arguments_(arguments), root_(arguments.inputs[0].path), layout_(layout) {}

  absl::Status AppendRows(std::vector<ImageRow>* rows) {
    CASSLE_ASSIGN_OR_RETURN(const std::vector<ListRow> lines,
                            ReadListTable(layout_.list(), arguments_));
    CASSLE_RETURN_IF_ERROR(CheckRoot(lines));
    CASSLE_RETURN_IF_ERROR(ReadJoined());
    const int first = layout_.skip_lines() + std::max(1, layout_.first()) - 1;
    const int last =
        layout_.last() > 0 ? layout_.skip_lines() + layout_.last() : static_cast<int>(lines.size());
    for (int i = first; i < last && i < static_cast<int>(lines.size()); ++i) {
      CASSLE_RETURN_IF_ERROR(CheckInterrupted(arguments_, layout_.list()));
      ListRow line = lines[i];
      CASSLE_ASSIGN_OR_RETURN(ImageRow row, FindImage(&line));
      // A list that is a folder has left it out already.
      if (!arguments_.leave_out->MatchedPart(UnescapedName(row.key)).empty()) {
        arguments_.tally->Count(kLeftOut, row.key);
        continue;
      }
      CASSLE_RETURN_IF_ERROR(FillIn(line, &row));
      rows->push_back(std::move(row));
    }
    return absl::OkStatus();
  }

 private:
  // Fields behind the key, by key.
  using Joined = std::unordered_map<std::string, std::vector<std::string>>;

  // A folder of class folders, given with the folder above it, would make one class of them all.
  absl::Status CheckRoot(const std::vector<ListRow>& lines) const {
    if (layout_.list() != "./" || !absl::StrContains(layout_.label(), "dir:")) {
      return absl::OkStatus();
    }
    std::vector<std::string> images;
    for (const ListRow& line : lines) images.push_back(line.fields[0]);
    const std::string above = FoldersAboveClasses(images);
    if (above.empty()) return absl::OkStatus();
    const std::string inner = JoinPath(root_, above.substr(0, above.size() - 1));
    return absl::FailedPreconditionError(absl::StrCat("all images of ", root_, " lie below ", inner,
                                                      ": give that folder, --input=", inner));
  }

  absl::Status ReadJoined() {
    for (const v1::JoinedList& list : layout_.join()) {
      CASSLE_ASSIGN_OR_RETURN(const std::vector<ListRow> rows,
                              ReadListTable(list.list(), arguments_));
      Joined joined;
      for (const ListRow& row : rows) {
        std::vector<std::string> fields(row.fields.begin() + 1, row.fields.end());
        const auto [known, added] = joined.emplace(row.fields[0], fields);
        if (!added && known->second != fields) {
          return absl::DataLossError(absl::StrCat(row.origin, ": '", row.fields[0],
                                                  "' is listed twice, with other fields before"));
        }
      }
      joined_.push_back(std::move(joined));
    }
    return absl::OkStatus();
  }

  absl::Status Join(ListRow* line) const {
    for (int j = 0; j < layout_.join_size(); ++j) {
      const size_t key = std::max(1, layout_.join(j).key());
      if (key > line->fields.size()) {
        return absl::DataLossError(absl::StrCat(line->origin, ": there is no field ", key));
      }
      const auto found = joined_[j].find(line->fields[key - 1]);
      if (found == joined_[j].end()) {
        return absl::DataLossError(absl::StrCat(line->origin, ": ", layout_.join(j).list(),
                                                " has no line for '", line->fields[key - 1], "'"));
      }
      line->fields.insert(line->fields.end(), found->second.begin(), found->second.end());
    }
    return absl::OkStatus();
  }

  // Escaped.
  absl::StatusOr<std::string> Split(const ListRow& line) const {
    if (layout_.split().empty()) return std::string("train");
    CASSLE_ASSIGN_OR_RETURN(const std::string word, Expand(layout_.split(), line));
    for (const std::string& entry : layout_.split_names()) {
      const std::vector<std::string> sides = absl::StrSplit(entry, absl::MaxSplits('=', 1));
      if (sides.size() != 2 || sides[0] != word) continue;
      const std::string canonical = CanonicalSplit(sides[1]);
      return canonical.empty() ? EscapedName(sides[1]) : canonical;
    }
    if (layout_.split_names_size() == 0 && !word.empty()) {
      return SplitOfCell(EscapedName(word), line.origin, arguments_.odd_splits);
    }
    return absl::DataLossError(
        absl::StrCat(line.origin, ": split_names does not say which split '", word, "' is"));
  }

  absl::StatusOr<std::string> Label(const ListRow& line) const {
    CASSLE_ASSIGN_OR_RETURN(const std::string label, Expand(layout_.label(), line));
    int64_t number = 0;
    if (layout_.label_from() == 0) return label;
    if (!absl::SimpleAtoi(label, &number) || number < layout_.label_from()) {
      return absl::DataLossError(absl::StrCat(line.origin, ": '", label,
                                              "' is no class number from ", layout_.label_from()));
    }
    return absl::StrCat(number - layout_.label_from());
  }

  // Joins the line, and gives its image a row.
  absl::StatusOr<ImageRow> FindImage(ListRow* line) const {
    CASSLE_RETURN_IF_ERROR(Join(line));
    ImageRow row;
    row.origin = line->origin;
    const std::string path = layout_.path().empty() ? "{1}" : layout_.path();
    CASSLE_ASSIGN_OR_RETURN(row.key, Expand(path, *line));
    if (absl::StrContains(row.key, '\\') && !FileExists(JoinPath(root_, row.key))) {
      arguments_.tally->Decide(kBackslashes);
      for (std::string& field : line->fields) std::replace(field.begin(), field.end(), '\\', '/');
      CASSLE_ASSIGN_OR_RETURN(row.key, Expand(path, *line));
    }
    // SUN397 writes paths with a slash in front.
    while (absl::StartsWith(row.key, "/")) row.key.erase(0, 1);
    row.key = InFormOfDisk(root_, row.key, arguments_.tally.get());
    row.path = NormalPath(JoinPath(root_, row.key));
    const std::string key = EscapedName(row.key);
    if (key != row.key) arguments_.tally->Count(kNamesEscaped, key);
    row.key = key;
    return row;
  }

  // What the line says of its image.
  absl::Status FillIn(const ListRow& line, ImageRow* row) const {
    CASSLE_ASSIGN_OR_RETURN(row->split, Split(line));
    if (!layout_.label().empty()) {
      CASSLE_ASSIGN_OR_RETURN(const std::string label, Label(line));
      row->cells["label"] = EscapedName(label);
    }
    for (const v1::ListTarget& target : layout_.targets()) {
      std::string& cell = row->cells[target.name()];
      if (target.values_file().empty()) {
        CASSLE_ASSIGN_OR_RETURN(const std::string values, Expand(target.values(), line));
        CASSLE_ASSIGN_OR_RETURN(cell, Numbers(values, target.size(), line.origin));
      } else {
        CASSLE_ASSIGN_OR_RETURN(const std::string file, Expand(target.values_file(), line));
        CASSLE_ASSIGN_OR_RETURN(cell, ReadPoints(JoinPath(root_, file), target.size()));
      }
      if (target.fraction_of_image()) row->fractions.insert(target.name());
    }
    return absl::OkStatus();
  }

  const SourceArguments& arguments_;
  const std::string root_;
  const v1::ImageList& layout_;
  std::vector<Joined> joined_;
};

absl::Status CheckTargets(const v1::ImageList& list) {
  for (const v1::ListTarget& target : list.targets()) {
    if (!target.name().empty() && target.size() >= 1) continue;
    return absl::InvalidArgumentError("--lists: a target needs a name and a size of 1 or more");
  }
  return absl::OkStatus();
}

// A list that is not there but in a folder below: that one was meant.
absl::Status CheckListIsThere(const std::string& root, const std::string& list) {
  const size_t variable = list.rfind(".mat:");
  const std::string file = variable == std::string::npos ? list : list.substr(0, variable + 4);
  if (FileExists(JoinPath(root, file))) return absl::OkStatus();
  CASSLE_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDirectory(root));
  for (const std::string& name : names) {
    const std::string inner = JoinPath(root, name);
    if (!IsDirectory(inner) || !FileExists(JoinPath(inner, file))) continue;
    return absl::NotFoundError(absl::StrCat(JoinPath(root, file), " is missing, but ",
                                            JoinPath(inner, file),
                                            " is there: give --input=", inner));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<ImageSource>> OpenListSource(const SourceArguments& arguments) {
  const v1::ListLayout& layout = arguments.lists;
  if (arguments.inputs.size() != 1 || !IsDirectory(arguments.inputs[0].path)) {
    return absl::InvalidArgumentError("--source=list reads one folder: --input");
  }
  if (layout.images_size() == 0) {
    return absl::InvalidArgumentError(
        "--source=list needs lists { images { list: ... } }; configs/datasets has examples");
  }
  const std::string& root = arguments.inputs[0].path;
  CASSLE_RETURN_IF_ERROR(CheckListIsThere(root, layout.images(0).list()));
  std::vector<ImageRow> rows;
  std::map<std::string, int> targets;
  std::vector<std::string> classes = arguments.classes;
  for (const v1::ImageList& list : layout.images()) {
    CASSLE_RETURN_IF_ERROR(CheckTargets(list));
    CASSLE_RETURN_IF_ERROR(ListReader(arguments, list).AppendRows(&rows));
    for (const v1::ListTarget& target : list.targets()) targets[target.name()] = target.size();
    if (list.class_names().empty() || !classes.empty()) continue;
    CASSLE_ASSIGN_OR_RETURN(classes, ReadListClasses(list.class_names(), arguments));
  }
  // A draw decides, whatever splits the lists say.
  for (ImageRow& row : rows) {
    if (layout.has_draw()) row.split = "train";
  }
  CASSLE_RETURN_IF_ERROR(DropRepeatedRows(&rows, arguments.tally.get()));
  if (layout.has_draw()) CASSLE_RETURN_IF_ERROR(DrawSplits(arguments, classes, &rows));
  return MakeRowSource(std::move(rows), std::move(classes), std::move(targets),
                       ClassColumn::Codes::kNumbers, arguments);
}

}  // namespace cassle
