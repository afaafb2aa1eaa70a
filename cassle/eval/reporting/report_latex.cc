#include "cassle/eval/reporting/report_latex.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "cassle/eval/reporting/report_text.h"

namespace cassle {
namespace {

std::string Escape(const std::string& text) {
  return absl::StrReplaceAll(text, {{"\\", "\\textbackslash{}"},
                                    {"{", "\\{"},
                                    {"}", "\\}"},
                                    {"&", "\\&"},
                                    {"%", "\\%"},
                                    {"$", "\\$"},
                                    {"#", "\\#"},
                                    {"_", "\\_"},
                                    {"~", "\\textasciitilde{}"},
                                    {"^", "\\textasciicircum{}"},
                                    {"<", "\\textless{}"},
                                    {">", "\\textgreater{}"},
                                    {"|", "\\textbar{}"},
                                    // At the begin of a row they would be of the \\ before it.
                                    {"[", "{[}"},
                                    {"*", "{*}"},
                                    {"±", "$\\pm$"},
                                    {"↓", "$\\downarrow$"},
                                    {"\n", " "}});
}

TextGrid LatexGrid(const v1::StageTable& table) {
  TextGrid grid = {{IsTurned(table) ? "score" : "encoder"}};
  for (const v1::ReportColumn& column : table.columns()) {
    grid[0].push_back(Escape(ColumnHeading(table, column)));
  }
  for (const v1::ReportRow& row : table.rows()) {
    grid.push_back({Escape(row.name())});
    for (int c = 0; c < row.cells_size(); ++c) {
      std::string text = Escape(CellText(table.columns(c), row.cells(c)));
      if (!row.cells(c).has_value()) text = "--";
      grid.back().push_back(row.cells(c).best() ? absl::StrCat("\\textbf{", text, "}") : text);
    }
  }
  if (!HasChance(table)) return grid;
  grid.push_back({absl::StrCat("\\emph{", Escape(ChanceName(table)), "}")});
  for (const v1::ReportColumn& column : table.columns()) {
    grid.back().push_back(column.has_chance() ? NumberText(column, column.chance()) : "--");
  }
  return grid;
}

}  // namespace

std::string TableLatex(const v1::ReportTable& report) {
  std::string text = "% Needs \\usepackage{booktabs}.\n";
  for (const v1::StageTable& table : TablesOf(report)) {
    TextGrid grid = LatexGrid(table);
    if (IsTurned(table)) grid = Turned(grid);
    const std::string subject = TableSubject(table), note = PlusMinusNote(table);
    absl::StrAppend(
        &text, "\\begin{table}\n\\centering\n\\caption{", Escape(TableTitle(report, table)),
        subject.empty() ? "" : absl::StrCat(" (", Escape(subject), ")"), ".",
        note.empty() ? "" : absl::StrCat(" ", Escape(note)), "}\n\\label{tab:", table.stage(),
        "}\n\\begin{tabular}{l", std::string(grid[0].size() - 1, 'r'), "}\n\\toprule\n");
    for (size_t l = 0; l < grid.size(); ++l) {
      // Chance stands apart from what was measured.
      const bool chance = HasChance(table) && !IsTurned(table) && l + 1 == grid.size();
      absl::StrAppend(&text, l == 1 || chance ? "\\midrule\n" : "", absl::StrJoin(grid[l], " & "),
                      " \\\\\n");
    }
    absl::StrAppend(&text, "\\bottomrule\n\\end{tabular}\n\\end{table}\n");
  }
  return text;
}

}  // namespace cassle
