#include "cassle/models/exchange/name_rules.h"

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace cassle {
namespace {

struct Match {
  size_t length = 0;
  std::vector<absl::string_view> numbers;
};

std::optional<Match> MatchBeginning(absl::string_view from, absl::string_view name) {
  Match match;
  for (const char c : from) {
    if (c != '#') {
      if (match.length == name.size() || name[match.length] != c) return std::nullopt;
      ++match.length;
      continue;
    }
    const size_t begin = match.length;
    while (match.length < name.size() && absl::ascii_isdigit(name[match.length])) ++match.length;
    if (match.length == begin) return std::nullopt;
    match.numbers.push_back(name.substr(begin, match.length - begin));
  }
  return match;
}

std::string Fill(absl::string_view to, const std::vector<absl::string_view>& numbers) {
  std::string filled;
  for (size_t i = 0; i < to.size(); ++i) {
    if (to[i] != '$') {
      filled.push_back(to[i]);
      continue;
    }
    const absl::string_view number = numbers[to[++i] - '1'];
    uint32_t value = 0;
    if (i + 1 < to.size() && to[i + 1] == '+') {
      ++i;
      // A number that is too large names nothing that is known.
      absl::StrAppend(&filled, absl::SimpleAtoi(number, &value) ? value + 1 : value);
    } else {
      absl::StrAppend(&filled, number);
    }
  }
  return filled;
}

using Rule = std::pair<std::string, std::string>;

std::optional<std::string> Apply(const Rule& rule, absl::string_view name) {
  const std::optional<Match> match = MatchBeginning(rule.first, name);
  if (!match) return std::nullopt;
  return absl::StrCat(Fill(rule.second, match->numbers), name.substr(match->length));
}

std::vector<Rule> Parse(absl::string_view rules) {
  std::vector<Rule> parsed;
  for (absl::string_view rule : absl::StrSplit(rules, ' ', absl::SkipEmpty())) {
    parsed.push_back(absl::StrSplit(rule, absl::MaxSplits('>', 1)));
  }
  return parsed;
}

Rule Reversed(const Rule& rule) {
  Rule reversed;
  for (size_t i = 0; i < rule.second.size(); ++i) {
    reversed.first.push_back(rule.second[i] == '$' ? '#' : rule.second[i]);
    if (rule.second[i] == '$') ++i;
  }
  char number = '0';
  for (const char c : rule.first) {
    if (c == '#') {
      reversed.second.push_back('$');
      reversed.second.push_back(++number);
    } else {
      reversed.second.push_back(c);
    }
  }
  return reversed;
}

}  // namespace

std::optional<std::string> Renamed(absl::string_view rules, absl::string_view name) {
  for (const Rule& rule : Parse(rules)) {
    std::optional<std::string> renamed = Apply(rule, name);
    if (renamed) return renamed;
  }
  return std::nullopt;
}

std::string RenamedBack(absl::string_view rules, absl::string_view name) {
  for (const Rule& rule : Parse(rules)) {
    std::optional<std::string> renamed = Apply(Reversed(rule), name);
    if (renamed) return *std::move(renamed);
  }
  return std::string(name);
}

}  // namespace cassle
