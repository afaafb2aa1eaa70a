#include "cassle/front/complete.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace cassle {
namespace {

// The words of a shell's line, without quotes; the last is the one before the cursor, maybe empty.
std::vector<std::string> WordsOf(absl::string_view line) {
  std::vector<std::string> words(1);
  char quote = 0;
  bool escaped = false;
  for (const char c : line) {
    if (escaped) {
      words.back() += c;
      escaped = false;
    } else if (c == '\\' && quote != '\'') {
      escaped = true;
    } else if (quote != 0) {
      if (c == quote) {
        quote = 0;
      } else {
        words.back() += c;
      }
    } else if (c == '\'' || c == '"') {
      quote = c;
    } else if (c != ' ' && c != '\t' && c != '\n') {
      words.back() += c;
    } else if (!words.back().empty()) {
      words.emplace_back();
    }
  }
  return words;
}

bool IsSwitch(const StageFlag& flag) { return flag.type == "true|false"; }

class Completer {
 public:
  Completer(const std::vector<StageEntry>& stages, absl::string_view line)
      : stages_(stages), words_(WordsOf(line)) {
    result_.word = words_.back();
  }

  Completion Run() {
    size_t position = 0;
    while (position + 1 < words_.size() && !IsCassle(words_[position])) ++position;
    const size_t arguments = words_.size() - position - 1;
    if (arguments == 0) return result_;
    const std::string& first = words_[position + 1];
    if (arguments == 1) {
      CompleteFirst();
    } else if (first == "help") {
      if (arguments == 2) CompleteStage();
    } else if (const StageEntry* stage = FindStage(stages_, first)) {
      flags_ = &stage->flags;
      CompleteFlag(arguments > 2 ? words_[words_.size() - 2] : "");
    }
    return result_;
  }

 private:
  static bool IsCassle(absl::string_view word) {
    return word == "cassle" || absl::EndsWith(word, "/cassle");
  }

  void Add(const std::string& word, const std::string& help) {
    if (!absl::StartsWith(word, result_.word)) return;
    for (const Candidate& there : result_.candidates) {
      if (there.word == word) return;
    }
    result_.candidates.push_back({word, help});
  }

  void CompleteStage() {
    for (const StageEntry& stage : stages_) Add(stage.name, stage.summary);
  }

  void CompleteFirst() {
    CompleteStage();
    Add("help", "What a stage takes.");
    // Flags only where one has begun.
    if (!absl::StartsWith(result_.word, "-")) return;
    Add("--help", "The stages.");
    Add("--version", "Version, and what the program was made with.");
  }

  const StageFlag* FindFlag(absl::string_view name) const {
    const auto found = std::find_if(flags_->begin(), flags_->end(),
                                    [&](const StageFlag& flag) { return flag.name == name; });
    return found == flags_->end() ? nullptr : &*found;
  }

  void CompleteFlag(absl::string_view before) {
    absl::string_view word = result_.word;
    // --NAME VALUE, in two words.
    if (absl::ConsumePrefix(&before, "--") && !absl::StrContains(before, '=')) {
      const StageFlag* flag = FindFlag(before);
      if (flag != nullptr && !IsSwitch(*flag) && flag->name != "help") {
        return flag->name == "set" ? CompleteSetting("", word) : CompleteValue(*flag, "", word);
      }
    }
    if (absl::ConsumePrefix(&word, "--set=")) return CompleteSetting("--set=", word);
    if (absl::ConsumePrefix(&word, "--")) return CompleteSetting("--", word);
    if (word.empty() || word == "-") CompleteSetting("--", "");
  }

  // NAME or NAME=VALUE behind `lead`, which is --, --set= or nothing.
  void CompleteSetting(const std::string& lead, absl::string_view text) {
    const size_t equals = text.find('=');
    if (equals != absl::string_view::npos) {
      const StageFlag* flag = FindFlag(text.substr(0, equals));
      if (flag == nullptr) return;
      return CompleteValue(*flag, absl::StrCat(lead, flag->name, "="), text.substr(equals + 1));
    }
    for (const StageFlag& flag : *flags_) {
      if (!absl::StartsWith(flag.name, text)) continue;
      const size_t dot = flag.name.find('.', text.size());
      if (dot != std::string::npos) {
        Add(absl::StrCat(lead, flag.name.substr(0, dot + 1)), "");
      } else {
        const bool alone = lead == "--" && (IsSwitch(flag) || flag.name == "help");
        Add(absl::StrCat(lead, flag.name, alone ? "" : "="), flag.help);
      }
    }
  }

  // VALUE behind `lead`; of a list the part behind the last comma.
  void CompleteValue(const StageFlag& flag, const std::string& lead, absl::string_view value) {
    absl::string_view type = flag.type;
    size_t from = lead.size();
    if (absl::ConsumeSuffix(&type, ",...")) {
      const size_t comma = value.rfind(',');
      if (comma != absl::string_view::npos) from += comma + 1;
    }
    if (type == "PATH") {
      result_.path_from = static_cast<int>(from);
      return;
    }
    // Kinds of text are in capitals.
    if (!std::any_of(type.begin(), type.end(), [](char c) { return c >= 'a' && c <= 'z'; })) return;
    for (absl::string_view word : absl::StrSplit(type, '|')) {
      Add(absl::StrCat(result_.word.substr(0, from), word), "");
    }
  }

  const std::vector<StageEntry>& stages_;
  const std::vector<std::string> words_;
  const std::vector<StageFlag>* flags_ = nullptr;
  Completion result_;
};

}  // namespace

Completion Complete(const std::vector<StageEntry>& stages, absl::string_view line) {
  return Completer(stages, line).Run();
}

std::string CompletionLines(const Completion& completion) {
  if (completion.path_from >= 0) {
    return absl::StrCat("files\n", completion.word, "\n",
                        completion.word.substr(0, completion.path_from), "\n");
  }
  std::string text = absl::StrCat("words\n", completion.word, "\n");
  for (const Candidate& candidate : completion.candidates) {
    absl::StrAppend(&text, candidate.word, "\t", candidate.help, "\n");
  }
  return text;
}

}  // namespace cassle
