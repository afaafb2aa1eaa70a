// CSV list: one image a line, in the order of the file. The first line names the columns:
//   path     the image file, relative to --image_root (default: the folder of the CSV); needed.
//            As on the disk, or escaped as keys are (names.h)
//   label    the class: numbers from 0, or names (class_column.h); an empty cell means no label.
//            --label_from=A,B,C: one-hot columns (one_hot.h)
//   split    train, val, test or unlabeled, as people write them, or what --splits names. Without
//            the column: the file's name; else the folders train/, test/, ... if all images lie in
//            such; else train
//   NAME     a further target of classes, as label; or, if its numbers have fractions, NAME:1
//   NAME:K   a further target of K numbers, separated by spaces in the cell, e.g. position:2; an
//            empty cell or NaN: the image has no such target
// --image_from and --label_from name other columns for path and label (csv_columns.h). Columns are
// separated by commas, semicolons, tabs or | (cassle/base/csv.h). How paths are read: row_path.h;
// bytes that are no UTF-8 are kept to find files and escaped elsewhere. Rows of images that
// --leave_out names are left out. A folder with train.csv, test.tsv, ... gives a split per file.
// The images are not part of the stage's fingerprint when they lie outside --input and
// --image_root.
#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "cassle/base/csv.h"
#include "cassle/base/escaped_name.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/base/text_file.h"
#include "cassle/data/sources/image_files.h"
#include "cassle/data/sources/names.h"
#include "cassle/data/sources/part_folders.h"
#include "cassle/data/sources/sources.h"
#include "cassle/data/sources/tables/csv_columns.h"
#include "cassle/data/sources/tables/one_hot.h"
#include "cassle/data/sources/tables/row_path.h"
#include "cassle/data/sources/tables/row_source.h"

namespace cassle {
namespace {

// A file and the split that its rows are of, unless they say it.
struct List {
  std::string path;
  // Empty if the name does not tell.
  std::string split;
};

// The file that `path` below `root` is but for the case of its letters; empty if there is none.
std::string InOtherCase(const std::string& root, const std::string& path) {
  std::string found = root;
  for (const absl::string_view part : absl::StrSplit(path, '/', absl::SkipEmpty())) {
    const absl::StatusOr<std::vector<std::string>> names = ListDirectory(found);
    if (!names.ok()) return "";
    const auto name = std::find_if(names->begin(), names->end(), [&](const std::string& other) {
      return absl::EqualsIgnoreCase(other, part);
    });
    if (name == names->end()) return "";
    found = JoinPath(found, *name);
  }
  return found;
}

// "%2F" to "/", as addresses have it.
std::string WithoutPercents(const std::string& path) {
  std::string plain;
  for (size_t i = 0; i < path.size(); ++i) {
    const bool escape = path[i] == '%' && i + 2 < path.size() &&
                        absl::ascii_isxdigit(path[i + 1]) && absl::ascii_isxdigit(path[i + 2]);
    if (!escape) {
      plain += path[i];
      continue;
    }
    plain += absl::HexStringToBytes(path.substr(i + 1, 2));
    i += 2;
  }
  return plain;
}

// The first image tells whether paths begin where they should, or in a folder below, and are
// written as files are.
absl::Status CheckRoot(const ImageRow& row, const std::string& root) {
  if (FileExists(row.path)) return absl::OkStatus();
  const std::string key = UnescapedName(row.key);
  for (const auto& [there, how] :
       {std::pair(InOtherCase(root, key), "capitals are other letters here"),
        std::pair(JoinPath(root, WithoutPercents(key)), "write it without the %")}) {
    if (there.empty() || there == JoinPath(root, key) || !FileExists(there)) continue;
    return absl::FailedPreconditionError(absl::StrCat(row.origin, ": there is no ", row.path,
                                                      ", but ", EscapedName(there), ": ", how));
  }
  const absl::StatusOr<std::vector<std::string>> names = ListDirectory(root);
  if (!names.ok()) return absl::OkStatus();
  for (const std::string& name : *names) {
    const std::string folder = JoinPath(root, name);
    if (!IsDirectory(folder)) continue;
    for (const char* ending : {"", ".jpg", ".png"}) {
      const std::string there = JoinPath(folder, UnescapedName(row.key) + ending);
      if (!FileExists(there)) continue;
      return absl::FailedPreconditionError(absl::StrCat(
          row.origin, ": there is no ", row.path, ", but ", there, ": give --image_root=", folder));
    }
  }
  return absl::OkStatus();
}

// The cell, in the part folder of `root` that has its image; as it is if none has, or root has it.
// \error kDataLoss, naming the row, if two have.
absl::StatusOr<std::string> InPart(const std::string& root, const std::vector<std::string>& parts,
                                   const std::string& cell, const std::string& origin,
                                   Tally* tally) {
  if (parts.empty() || HasImage(JoinPath(root, cell))) return cell;
  std::string found;
  for (const std::string& part : parts) {
    const std::string there = JoinPath(part, cell);
    if (!HasImage(JoinPath(root, there))) continue;
    if (!found.empty()) {
      return absl::DataLossError(absl::StrCat(origin, ": '", EscapedName(cell), "' may be ",
                                              EscapedName(found), " or ", EscapedName(there),
                                              ": write which"));
    }
    found = there;
  }
  if (found.empty()) return cell;
  tally->Decide(absl::StrCat("images are looked for in ", parts.front(), "/ to ", parts.back(),
                             "/ too, which sound like parts of one set"));
  return found;
}

// Gives a split to the rows of which nothing said one: that of the folder train/, test/, ... that
// their image lies in, as in a folder of images, if all lie in such; else train.
void TakeSplitsOfFolders(std::vector<ImageRow>* rows, Tally* tally) {
  std::vector<std::string> paths;
  for (const ImageRow& row : *rows) {
    // Whatever said the split of one row says those of all.
    if (!row.split.empty()) break;
    const std::string path = NormalPath(row.key);
    paths.push_back(path.substr(std::min(path.find_first_not_of('/'), path.size())));
  }
  std::string above;
  std::set<std::string> folders, splits;
  if (paths.size() == rows->size()) {
    while (true) {
      const std::string only = OnlyFolder(paths, above.size());
      if (only.empty()) break;
      above += only;
    }
    for (const std::string& path : paths) {
      folders.emplace(FirstFolder(absl::string_view(path).substr(above.size())));
    }
  }
  for (const std::string& folder : folders) splits.insert(CanonicalSplit(folder));
  const bool say = splits.size() > 1 && splits.count("") == 0;
  if (say) {
    tally->Decide(absl::StrCat("no column says the split: it is the folder of the image (",
                               EscapedName(absl::StrJoin(folders, "/, ")),
                               "/); --join_splits=train makes one of them"));
  }
  for (size_t i = 0; i < rows->size(); ++i) {
    std::string& split = (*rows)[i].split;
    if (!split.empty()) continue;
    split = say ? CanonicalSplit(
                      std::string(FirstFolder(absl::string_view(paths[i]).substr(above.size()))))
                : "train";
  }
}

// Appends the rows of one file. Their split is empty where nothing says it.
absl::Status AppendRows(const List& list, const SourceArguments& arguments,
                        std::vector<ImageRow>* rows, std::map<std::string, int>* targets) {
  CASSLE_ASSIGN_OR_RETURN(const std::string text, ReadFile(list.path));
  CASSLE_ASSIGN_OR_RETURN(CsvTable table,
                          ParseSeparatedCsv(text, list.path, arguments.interrupted));
  for (std::string& name : table.header.cells) name = EscapedName(StripBlanks(name));
  CASSLE_ASSIGN_OR_RETURN(const CsvColumns columns, FindCsvColumns(table, arguments));
  for (const CsvColumns::Target& target : columns.targets) {
    const auto [known, added] = targets->emplace(target.name, target.size);
    if (!added && known->second != target.size) {
      return absl::FailedPreconditionError(absl::StrCat(table.Origin(table.header), ": column '",
                                                        table.header.cells[target.column],
                                                        "' has another length than before"));
    }
  }
  if (table.comments > 0) {
    arguments.tally->Decide(absl::StrCat(BaseName(list.path), ": ", table.comments,
                                         " lines that begin with # are skipped at the top"));
  }
  if (table.rows.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat(list.path, ": only the line that names the columns; no row names an image"));
  }
  const std::string root = arguments.image_root.empty() ? DirName(list.path) : arguments.image_root;
  const std::vector<std::string> parts = PartFolders(root);
  bool labels_escaped = false;
  for (CsvRow& line : table.rows) {
    CASSLE_RETURN_IF_ERROR(CheckInterrupted(arguments, list.path));
    std::vector<std::string>& cells = line.cells;
    ImageRow row;
    row.origin = table.Origin(line);
    if (std::all_of(cells.begin(), cells.end(), [](auto& cell) { return cell.empty(); })) {
      arguments.tally->Count("rows of empty cells skipped", BaseName(row.origin));
      continue;
    }
    if (std::equal(cells.begin(), cells.end(), table.header.cells.begin(),
                   [](const std::string& cell, const std::string& name) {
                     return StripBlanks(cell) == name;
                   })) {
      arguments.tally->Count("rows that repeat the names of the columns skipped",
                             BaseName(row.origin));
      continue;
    }
    CASSLE_ASSIGN_OR_RETURN(std::string cell, InPart(root, parts, cells[columns.path], row.origin,
                                                     arguments.tally.get()));
    CASSLE_RETURN_IF_ERROR(LocateImage(std::move(cell), root, arguments.tally.get(), &row));
    if (!arguments.leave_out->MatchedPart(NormalPath(UnescapedName(row.key))).empty()) {
      arguments.tally->Count(kLeftOut, row.key);
      continue;
    }
    for (int i = 0; i < static_cast<int>(cells.size()); ++i) {
      if (i == columns.path) continue;
      // In quotes, blanks stay at the ends; they belong to no class.
      const absl::string_view cell = StripBlanks(cells[i]);
      std::string escaped = EscapedName(cell);
      labels_escaped = labels_escaped || escaped != cell;
      cells[i] = std::move(escaped);
    }
    if (!columns.one_hot.empty()) {
      CASSLE_ASSIGN_OR_RETURN(row.cells["label"], OneHotLabel(table, line, columns.one_hot));
    }
    row.split = list.split;
    if (columns.split >= 0 && row.split.empty() && !arguments.only_images) row.split = "train";
    if (columns.split >= 0 && !cells[columns.split].empty()) {
      CASSLE_ASSIGN_OR_RETURN(row.split,
                              SplitOfCell(cells[columns.split], row.origin, arguments.odd_splits));
    } else if (columns.split >= 0) {
      arguments.tally->Count(absl::StrCat("rows without a split taken for ", row.split), row.key);
    }
    if (columns.label >= 0) row.cells["label"] = std::move(cells[columns.label]);
    for (const CsvColumns::Target& target : columns.targets) {
      row.cells[target.name] = std::move(cells[target.column]);
    }
    rows->push_back(std::move(row));
    if (line.line == table.rows.front().line) {
      CASSLE_RETURN_IF_ERROR(CheckRoot(rows->back(), root));
    }
  }
  if (labels_escaped) {
    arguments.tally->Decide(absl::StrCat(
        BaseName(list.path),
        ": cells escaped, which are not UTF-8 or have control characters (for a list of Windows, "
        "iconv -f WINDOWS-1252 -t UTF-8 makes UTF-8 of it)"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<List>> FindLists(const SourceArguments& arguments) {
  std::vector<List> lists;
  for (const SourceInput& input : arguments.inputs) {
    std::vector<std::string> paths = {input.path};
    if (IsDirectory(input.path)) {
      paths.clear();
      CASSLE_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDirectory(input.path));
      for (const std::string& name : names) {
        if (!IsTableName(name)) continue;
        if (arguments.leave_out->Matches(name)) {
          arguments.tally->Count(kLeftOut, EscapedName(name));
        } else if (IsSpecial(JoinPath(input.path, name))) {
          arguments.tally->Count(kSpecialFiles, EscapedName(name));
        } else {
          paths.push_back(JoinPath(input.path, name));
        }
      }
      if (paths.empty()) {
        return absl::FailedPreconditionError(
            absl::StrCat(input.path, ": no .csv or .tsv in this folder"));
      }
    }
    for (const std::string& path : paths) {
      const std::string name = BaseName(path);
      lists.push_back(
          {path, input.split.empty() && !arguments.only_images ? SplitInName(name) : input.split});
    }
  }
  const auto unnamed = [](const List& list) { return list.split.empty(); };
  const auto without = std::find_if(lists.begin(), lists.end(), unnamed);
  const auto with = std::find_if_not(lists.begin(), lists.end(), unnamed);
  if (without != lists.end() && with != lists.end()) {
    return absl::FailedPreconditionError(absl::StrCat(
        without->path, " lies beside ", with->path,
        " but is not named after a split: leave it out with --leave_out=", BaseName(without->path),
        ", or name the files that are wanted with --train=, "
        "--val= and --test="));
  }
  if (without != lists.end() && lists.size() > 1 && !arguments.only_images) {
    for (const List& list : lists) {
      if (SplitsInName(BaseName(list.path)).empty()) continue;
      return absl::FailedPreconditionError(absl::StrCat(
          list.path, " lies beside ", BaseName((&list == &lists[0] ? lists[1] : lists[0]).path),
          " and its name says several splits: name the files that are wanted with --train=, --val= "
          "and --test="));
    }
    arguments.tally->Decide(absl::StrCat(lists.size(), " lists are read as one (",
                                         BaseName(lists[0].path), ", ", BaseName(lists[1].path),
                                         lists.size() > 2 ? ", ...)" : ")"));
  }
  return lists;
}

}  // namespace

bool IsTableName(const std::string& name) {
  const std::string lower = absl::AsciiStrToLower(name);
  return name[0] != '.' && (absl::EndsWith(lower, ".csv") || absl::EndsWith(lower, ".tsv"));
}

absl::StatusOr<std::unique_ptr<ImageSource>> OpenCsvSource(const SourceArguments& arguments) {
  std::vector<ImageRow> rows;
  std::map<std::string, int> targets;
  CASSLE_ASSIGN_OR_RETURN(const std::vector<List> lists, FindLists(arguments));
  for (const List& list : lists) {
    CASSLE_RETURN_IF_ERROR(AppendRows(list, arguments, &rows, &targets));
  }
  if (!arguments.only_images) TakeSplitsOfFolders(&rows, arguments.tally.get());
  CASSLE_RETURN_IF_ERROR(DropRepeatedRows(&rows, arguments.tally.get()));
  return MakeRowSource(std::move(rows), arguments.classes, std::move(targets),
                       ClassColumn::Codes::kNames, arguments);
}

}  // namespace cassle
