#!/usr/bin/env bash
# Checks that what README.md, CONTRIBUTING.md and docs/ name is there: files, links between pages, Bazel targets, tests
# and the sentences that they check. A name with a word in capitals (NAME, METHOD) stands for others and is passed over.
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -eq 0 ] || { echo "usage: tools/check_docs.sh" >&2; exit 64; }

mapfile -t pages < <(git ls-files README.md CONTRIBUTING.md 'docs/*.md' testdata/golden/README.md)
tracked=$(git ls-files)
failed=0
gone() {
  printf '%s\n' "$1" >&2
  failed=1
}
# names PATTERN: PAGE:NAME of every match in the pages (Perl's), without the addresses of other sites and placeholders.
names() {
  for page in "${pages[@]}"; do
    sed -E 's#[a-z]+://[^ )>]*##g' "$page" | { grep -oP -- "$1" || true; } | { grep -vP '[A-Z]{3}|…' || true; } |
      sort -u | sed "s#^#$page:#"
  done
}

# Paths from the root: files, or folders with files in them.
while IFS=: read -r page path; do
  path=${path%[./]}
  # shellcheck disable=SC2086  # a pattern such as tools/bench_*.sh
  compgen -G "$path" > /dev/null || gone "$page names $path, which is not there"
done < <(names '(?<![\w/@:.-])(cassle|configs|docs|tables|testdata|tests|third_party|tools|\.ci)/[\w./*-]*\w')

# Links to other pages, from the page's folder.
while IFS=: read -r page link; do
  [ -e "$(dirname "$page")/${link%%#*}" ] || gone "$page links to $link, which is not there"
done < <(names '(?<=\]\()[^)#][^)]*')

# Files named without their folder. What stages write (textproto, csv, ...) and the authors' scripts are not ours to check.
while IFS=: read -r page file; do
  grep -qE "(^|/)${file//./\\.}$" <<< "$tracked" || gone "$page names $file, which is not there"
done < <(names '(?<=`)[\w.-]+\.(h|cc|proto|bzl|sh)(?=`)')

# Tests, and sentences: `x_test`: Sentence, Sentence.
while IFS=: read -r page test sentences; do
  source=$(grep -E "(^|/)$test\.(cc|sh)$" <<< "$tracked" || git grep -lE "^def $test\(" -- '*.bzl' || true)
  [ -n "$source" ] || { gone "$page names the test $test, which is not there"; continue; }
  for sentence in ${sentences//,/ }; do
    grep -q "\b$sentence\b" $source || gone "$page says $test checks $sentence, which is not in $source"
  done
done < <(names '(?<=`)\w+_test`(: [A-Z]\w+(, [A-Z]\w+)*)?' | sed 's/`//')

# Functions: rows of a table that begin with a file, then names.
while IFS='|' read -r page file functions; do
  for function in $functions; do
    [ ! -e "$file" ] || grep -q "\b${function##*::}\b" "$file" || gone "$page names $function of $file, which is not there"
  done
done < <(grep -HP '^\| `[\w./]+\.(h|cc|bzl)` \| `' "${pages[@]}" | sed -E 's/^([^:]*):\| `([^`]*)` \| ([^|]*) \|.*/\1|\2|\3/; s/[`,]//g')

# Where every golden file comes from.
for file in testdata/golden/*.safetensors; do
  file=$(basename "$file" .safetensors)
  for pattern in $(grep '^| `' testdata/golden/README.md | cut -d'|' -f2 | tr -d '`,'); do
    # shellcheck disable=SC2053  # a pattern
    [[ $file == $pattern ]] && continue 2
  done
  gone "testdata/golden/README.md does not say where $file comes from"
done

# Targets, all in one query, which says what it does not find. A label without a target is a package.
targets=$(names '(?<![\w@:/])//[a-z]\w*+(/[\w-]++)*+(?!/\.)(:[\w.-]*\w)?' | cut -d: -f2- | sort -u)
code=0
answer=$(bazel query --noshow_progress --keep_going "set($(sed '/:/!s/$/:all/' <<< "$targets" | tr '\n' ' '))" 2>&1 > /dev/null) || code=$?
missing=$({ grep -oP "(no such (target|package)) '\K[^']*" || true; } <<< "$answer" | sort -u)
for target in $missing; do
  [[ $target == //* ]] || target=//$target
  gone "no $target; named in: $(grep -lF -- "$target" "${pages[@]}" | tr '\n' ' ')"
done
# With --keep_going, what is missing is 3 or 7.
[ $code -eq 0 ] || [ -n "$missing" ] || gone "bazel query ended with $code: $answer"
exit $failed
