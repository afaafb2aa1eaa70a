#!/bin/bash
# `cassle`: it starts the stages, its completion answers inside a real bash, the man pages are without fault, and every
# program says what it was made of.
scripts=$PWD/cassle/front
list=$PWD/tests/stages.txt
source tests/lib.sh
ln -s "$stages/cassle" bin/cassle

# --- One command for all stages.
cassle > list.out || fail "cassle alone: exit $?"
while read -r name; do
  grep -q "^  $name  *[A-Z]" list.out || fail "cassle does not list $name with what it does"
done < "$list"
quietly cassle shard-encoder "${small_shapes[@]}" --output=images
[ -f images/dataset.textproto ] || fail 'cassle shard-encoder made no data set'
cassle help spectrum | grep -q '^spectrum: ' || fail 'cassle help spectrum does not show its help'
expect 64 '^cassle: there is no stage pretrian; did you mean pretrain\?$' cassle pretrian --epochs=1
expect 64 '^cassle: there is no stage --epochs=1; cassle alone lists them$' cassle --epochs=1
expect 66 '^shard-cat: cannot read missing: ' cassle shard-cat --input=missing

# --- Completion, inside bash: the line is split as readline splits it, and the function that `complete` names is called as
# readline calls it.
cat > answer.bash << 'END'
# answer.bash SCRIPT LINE: what <TAB> at the end of LINE offers, and the options that it sets.
source "$1"
[ "$(complete -p cassle)" = 'complete -F _cassle cassle' ] || echo "complete -p says $(complete -p cassle)"
# No completion is under way whose options it could set.
compopt() { printf '(%s)' "$2"; }
COMP_LINE=$2 COMP_POINT=${#2}
read -ra COMP_WORDS <<< "${COMP_LINE//=/ = }"
[[ $COMP_LINE != *' ' ]] || COMP_WORDS+=('')
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
current=${COMP_WORDS[COMP_CWORD]}
[ "$current" != = ] || current=
COMPREPLY=()
_cassle "${COMP_WORDS[0]}" "$current" "${COMP_WORDS[COMP_CWORD - 1]}"
# As bash shows them.
printf '%s\n' "${COMPREPLY[@]}" | LC_ALL=C sort | paste -sd'|'
END
# offers LINE EXPECTED
offers() {
  local said
  said=$(bash --norc answer.bash "$scripts/completion.bash" "$1" 2>&1)
  [ "$said" = "$2" ] || fail "<TAB> after \"$1\" offers \"$said\", expected \"$2\""
}
mkdir 'in folder' images.other
offers 'cassle pre' 'predict|predict-augmentation|pretrain'
offers './bin/cassle pret' 'pretrain'
offers 'cassle help pret' 'pretrain'
offers 'cassle pretrain --epo' '(nospace)--epochs='
offers 'cassle pretrain --conditioni' '(nospace)(nospace)--conditioning.|--conditioning='
offers 'cassle pretrain --forc' '--force'
offers 'cassle pretrain --method=mo' 'moco_v2|moco_v3'
offers 'cassle pretrain --method mo' 'moco_v2|moco_v3'
offers 'cassle pretrain --method.moco_v2.enqueue=' 'keys|queries'
offers 'cassle knn --set=metric=' 'cosine|euclidean'
offers 'cassle pretrain --tf32=' 'false|true'
offers 'cassle pretrain --epochs=' ''
offers 'cassle pretrain --input=i' '(filenames)images|images.other|in folder'
offers 'cassle pretrain --input i' '(filenames)images|images.other|in folder'
offers 'cassle pretrain --config=images/dataset.t' '(filenames)images/dataset.textproto'
offers 'cassle report --results=images,in' '(nospace)images,in\ folder/'
offers 'cassle nothing --in' ''

# The same in zsh, with its own functions replaced by ones that say what they are given.
cat > answer.zsh << 'END'
compset() { print -r -- "from $1 $2" }
_files() { print files }
_describe() { print -rl -- $ended $open }
words=(${(z)2})
[[ $2 != *' ' ]] || words+=('')
CURRENT=$#words PREFIX=$words[-1]
source $1
END
offers_in_zsh() {
  local said
  said=$(zsh -f answer.zsh "$scripts/completion.zsh" "$1" 2>&1 | cut -d: -f1 | paste -sd'|')
  [ "$said" = "$2" ] || fail "in zsh, <TAB> after \"$1\" offers \"$said\", expected \"$2\""
}
if command -v zsh > /dev/null; then
  offers_in_zsh 'cassle pre' 'predict|predict-augmentation|pretrain'
  offers_in_zsh 'cassle pretrain --conditioni' '--conditioning=|--conditioning.'
  offers_in_zsh 'cassle pretrain --method=mo' '--method=moco_v2|--method=moco_v3'
  offers_in_zsh 'cassle pretrain --forc' '--force'
  offers_in_zsh 'cassle pretrain --input=im' 'from -p 8|files'
  offers_in_zsh 'cassle pretrain --input ' 'from -p 0|files'
else
  echo 'front_test: zsh is not here, its script is not tried' >&2
fi

# --- Man pages.
mkdir pages
cassle --help=man > pages/cassle.1
while read -r name; do cassle "$name" --help=man > "pages/cassle-$name.1" || fail "$name --help=man: exit $?"; done < "$list"
if command -v mandoc > /dev/null; then
  mandoc -Tlint -Wwarning pages/*.1 > lint.out 2>&1 || fail "mandoc finds: $(head -5 lint.out)"
else
  echo 'front_test: mandoc is not here, it checks no man page' >&2
fi
if command -v man > /dev/null; then
  for page in pages/*.1; do
    LC_ALL=C.UTF-8 MANWIDTH=100 man --warnings -l "$page" > page.out 2> page.err || fail "man $page: exit $?"
    [ ! -s page.err ] || fail "man $page: $(head -3 page.err)"
  done
  MANWIDTH=100 man -l pages/cassle-pretrain.1 > page.out
  for words in '--method.moco_v2.queue_size=COUNT' 'Recipes, for what is not chosen' 'EXIT STATUS'; do
    grep -qF -- "$words" page.out || fail "the page of pretrain lacks \"$words\""
  done
else
  echo 'front_test: man is not here, it shows no man page' >&2
fi
expect 64 '--help=html: expected one of text\|man\|completion' spectrum --help=html

# --- What each was made of: LibTorch only where it is linked.
cassle --version | sed -n 1p | grep -qE '^cassle \(cassle\) [0-9]+\.[0-9]+\.[0-9]+$' || fail "cassle --version says $(cassle --version)"
while read -r name; do
  cassle "$name" --version > version.out || fail "$name --version: exit $?"
  sed -n 1p version.out | grep -qE "^$name \(cassle\) [0-9.]+$" || fail "$name --version begins with $(head -1 version.out)"
  grep -qE '^compiler: .*[0-9]' version.out && grep -qE '^vector kernels: ' version.out || fail "$name --version lacks facts"
  ! grep -q '^commit: ' version.out || fail "$name --version knows a commit, on which its bytes would depend"
  linked=no said=no
  ! ldd "bin/${name//-/_}" | grep -q libtorch || linked=yes
  ! grep -qE '^LibTorch: [0-9.]+' version.out || said=yes
  [ $linked = $said ] || fail "$name: LibTorch linked: $linked, said by --version: $said"
done < "$list"
finish
