#compdef cassle
# Completion of cassle for zsh: put this as "_cassle" into a folder of fpath. cassle itself knows what may come.
_cassle() {
  local -a answer ended open dashed
  local line word help lead
  answer=("${(@f)$(${(Q)~words[1]} --complete "${(j: :)words[1,CURRENT-1]} $PREFIX" 2> /dev/null)}")
  if [[ $answer[1] == files ]]; then
    lead=$answer[3]
    compset -p ${#lead}
    _files
    return
  fi
  for line in $answer[3,-1]; do
    word=${line%%$'\t'*} help=${line#*$'\t'}
    # The help of a candidate follows a colon.
    word=${word//:/\\:}${help:+:$help}
    if [[ ${line%%$'\t'*} == *[=.] ]]; then open+=($word); else ended+=($word); fi
  done
  # Zsh shows flags only where a dash has been typed, and nothing but flags there.
  [[ $PREFIX != -* ]] || dashed=(-o)
  _describe $dashed 'flag or value' ended -- open -S ''
}
_cassle "$@"
