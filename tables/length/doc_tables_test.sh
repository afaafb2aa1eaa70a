#!/bin/bash
# tools/length/doc_tables.py, and that the documentation shows what is kept of //tables/length.
set -u
work=$(mktemp -d "${TEST_TMPDIR:-/tmp}/doc_tables.XXXXXX")
root=$PWD
failures=0
fail() { echo "FAILED: $*" >&2; failures=$((failures + 1)); }
fill() { python3 "$root/tools/length/doc_tables.py" "$@"; }

curves=()
for table in cpu raw why; do curves+=(--curves=$table="$root/tables/length/${table}_curves/curves.csv"); done
fill --check "${curves[@]}" "$root/docs/results/length.md" "$root/docs/reproducing.md" || fail "the documentation lags behind"

cd "$work" || exit 1
cat > curves.csv << 'END'
key,row,baseline,column,epochs,seeds,accuracy,spread,gain,gain_low,gain_high,gain_seeds
none,Plain,,hue,1,2,0.5,0.25,,,,
none,Plain,,class,1,2,0.125,0,,,,
told,"Plain + CASSLE, told",none,hue,1,3,0.75,0.25,0.25,0.125,0.375,2
told,"Plain + CASSLE, told",none,class,1,3,0.1246,0,-0.0004,-0.125,0.125,2
none,Plain,,hue,3,1,0.5,,,,,
none,Plain,,class,3,1,0.125,,,,,
END
cat > page.md << 'END'
There are <!-- links of one -->99<!-- end --> links, of others <!-- links of two -->98<!-- end -->.
<!-- one after 1 epochs -->
old
<!-- end -->
<!-- one after 3 epochs --><!-- end -->
<!-- one after 1 epochs: class, hue -->
| row | theirs | class | hue |
| `told` | 1.0 | | 7 |
| `untold` | 1.0 | 7 | 8 |
<!-- end -->
END
cp page.md before.md
cat > expected.md << 'END'
There are <!-- links of one -->6<!-- end --> links, of others <!-- links of two -->98<!-- end -->.
<!-- one after 1 epochs -->
| | seeds | hue | class |
| --- | ---: | ---: | ---: |
| Plain, accuracy | 2 | 50.0 ± 25.0 | 12.5 ± 0.0 |
| + CASSLE, told | 2 | **+25.0 (+12.5 to +37.5)** | 0.0 (-12.5 to +12.5) |
<!-- end -->
<!-- one after 3 epochs -->
| | seeds | hue | class |
| --- | ---: | ---: | ---: |
| Plain, accuracy | 1 | 50.0 | 12.5 |
<!-- end -->
<!-- one after 1 epochs: class, hue -->
| row | theirs | class | hue |
| `told` | 1.0 | 0.0 | +25.0 |
| `untold` | 1.0 |  |  |
<!-- end -->
END
fill --check --curves=one=curves.csv page.md 2> check.err && fail "a page that lags behind is taken"
grep -q '^page.md does not show what is kept: tools/length.sh --document$' check.err || fail "--check says $(cat check.err)"
cmp page.md before.md || fail "--check writes"
fill --curves=one=curves.csv page.md || fail "exit $?"
diff expected.md page.md || fail "another page"
fill --check --curves=one=curves.csv page.md || fail "a page that was filled in lags behind"

cd / && rm -rf "$work"
[ "$failures" = 0 ] || { echo "$failures failures" >&2; exit 1; }
