# Completion of cassle for bash: `source` this, or put it as "cassle" where bash-completion looks
# (~/.local/share/bash-completion/completions). cassle itself knows what may come.
_cassle() {
  local answer kind word before candidate
  mapfile -t answer < <("${1/#\~/$HOME}" --complete "${COMP_LINE:0:COMP_POINT}" 2> /dev/null)
  kind=${answer[0]-} word=${answer[1]-}
  # Bash begins a word after each = and :, unless its owner has taken them from COMP_WORDBREAKS; it leaves quotes in.
  before=${2#[\"\']}
  before=${word%"${before//\\/}"}
  COMPREPLY=()
  if [ "$kind" = files ]; then
    local lead=${answer[2]} list
    mapfile -t COMPREPLY < <(compgen -f -- "${word#"$lead"}")
    list=${lead#"$before"}
    if [ -z "$list" ]; then
      compopt -o filenames
      return
    fi
    # Behind a comma the whole is no file, whose blanks and folders bash would know.
    compopt -o nospace
    for candidate in "${!COMPREPLY[@]}"; do
      [ ! -d "${COMPREPLY[candidate]}" ] || COMPREPLY[candidate]+=/
      printf -v "COMPREPLY[$candidate]" '%s%q' "$list" "${COMPREPLY[candidate]}"
    done
    return
  fi
  for candidate in "${answer[@]:2}"; do
    candidate=${candidate%%$'\t'*}
    [[ $candidate != *[=.] ]] || compopt -o nospace
    COMPREPLY+=("${candidate#"$before"}")
  done
}
complete -F _cassle cassle
