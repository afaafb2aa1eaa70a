#!/bin/bash
# golden.sh accepts what is within bounds, refuses everything else, and refreshes what is meant.
set -u
golden=$PWD/tables/ci/golden.sh
cd "$(mktemp -d "$TEST_TMPDIR/golden.XXXXXX")" || exit 1
mkdir table
failures=0

# expect CODE PATTERN COMMAND [BUILD_WORKSPACE_DIRECTORY]
expect() {
  local status=0
  BUILD_WORKSPACE_DIRECTORY=${4:-} "$golden" "$3" table golden.csv bounds.csv claims.csv > said 2>&1 || status=$?
  if [ "$status" -ne "$1" ] || ! grep -qE -- "$2" said; then
    echo "FAILED: exit $status, expected $1 and /$2/ in:"
    cat said
    failures=$((failures + 1))
  fi
}

# As report writes them; names and columns hold commas and quotes.
scores() {
  printf '%s\n' stage,row,column,source,value,half_width,chance,better,num_test,best \
    "probe,plain,hue,0,$1,,0.1,higher,100,0" 'probe,"plain, ""told""",hue,1,0.75000000000000004,,0.1,higher,100,1' \
    "knn,plain,\"hue, k = 5\",2,$2,0.01,0.1,higher,100,0" > table/scores.csv
}
reset() {
  scores 0.5 0.25
  printf '%s\n' '# A comment.' stage,row,column,within 'probe,*,hue,0.04' 'knn,plain,"hue, k = 5",0.02' > bounds.csv
  printf '%s\n' stage,column,more,less,by 'probe,hue,"plain, ""told""",plain,0.2' > claims.csv
  printf '%s\n' stage,row,column,value probe,plain,hue,0.5000 'probe,"plain, ""told""",hue,0.7500' \
    'knn,plain,"hue, k = 5",0.2500' > golden.csv
}

reset
expect 0 '^3 scores, 0 not as golden, 0 of them beyond .*; 0 of 1 claims do not hold' compare
# At the bound, and beyond it, on either side.
scores 0.54 0.23
expect 0 '^3 scores, 2 not as golden, 0 of them beyond' compare
scores 0.4599 0.25
expect 1 '^probe: plain: hue +0.5000 +0.4599 +-0.0401 +0.04 +BEYOND' compare
scores 0.5 0.2701
expect 1 '^knn: plain: hue, k = 5 +0.2500 +0.2701 +\+0.0201 +0.02 +BEYOND' compare
expect 1 'bazel run //tables/ci:refresh' compare
# A row's own bound goes before that of all rows.
scores 0.51 0.25
echo probe,plain,hue,0.005 >> bounds.csv
expect 1 '^probe: plain: hue .* 0.005 +BEYOND' compare
reset
# A claim is not a matter of bounds.
scores 0.56 0.25
sed -i 's/0.04/0.1/' bounds.csv
expect 1 'probe, hue: plain, "told" is \+0.1900 from plain, claimed at least \+0.2000: DOES NOT HOLD' compare
cp golden.csv before
expect 1 'refreshing does not help' refresh
cmp -s golden.csv before || { echo "FAILED: refresh wrote what breaks a claim"; failures=$((failures + 1)); }

reset; sed -i /knn/d golden.csv
expect 1 '^knn: .* NEW$' compare
reset; sed -i /knn/d table/scores.csv
expect 1 '^knn: .* GONE$' compare
reset; sed -i /knn/d bounds.csv
expect 1 '^knn: .* NO BOUND$' compare
reset; scores nan 0.25
expect 65 'scores.csv: value of probe, plain, hue is "nan", not a number' compare
reset; sed -i 's/0.04/four/' bounds.csv
expect 65 'bounds.csv: within of probe, \*, hue is "four"' compare
reset; sed -i 's/,by$/,margin/' claims.csv
expect 65 'claims.csv has no column by' compare
reset; sed -i 's/plain,0.2/nobody,0.2/' claims.csv
expect 65 'there is no score probe, nobody, hue' compare
reset; echo probe,plain,hue,0.5 >> golden.csv
expect 65 'golden.csv has two lines for probe, plain, hue' compare
reset; sed -i 2,4d table/scores.csv
expect 65 'scores.csv has no scores' compare
reset; rm golden.csv
expect 66 'golden.csv is missing' compare
reset; rm table/scores.csv
expect 66 'scores.csv is missing' refresh

# Refreshing: in the source tree, shown, idempotent, enough for the comparison; from nothing too.
reset; scores 0.40000000000000002 0.25; mkdir source; mv golden.csv source
expect 0 '^probe: plain: hue +0.5000 +0.4000 +-0.1000 +0.04 +BEYOND' refresh "$PWD/source"
expect 0 'golden.csv is up to date' refresh "$PWD/source"
cp source/golden.csv .
expect 0 '^3 scores, 0 not as golden' compare
rm golden.csv
expect 0 '^wrote golden.csv' refresh
cmp -s golden.csv source/golden.csv || { echo "FAILED: refreshed from nothing it is another"; failures=$((failures + 1)); }

[ "$failures" -eq 0 ]
