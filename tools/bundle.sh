#!/usr/bin/env bash
# Makes a bundle: all stages and `cassle`, with the libraries they need, for any x86-64 Linux with glibc 2.36 or newer
# (Debian 12 and 13, Ubuntu 24.04), without Bazel, packages or a network. See docs/install.md.
#   tools/bundle.sh [--output=cassle-VERSION-linux-x86_64.tar.gz]
#   --output=FOLDER/    the folder itself instead of its tar
# It lies anywhere and is moved as a whole:
#   bin/       the programs, which find lib/ from where they are
#   lib/       Debian's libraries, all but glibc's
#   configs/   recipes of data sets
#   docs/      the pages that --help names
#   examples/  shards, views and embeddings in Python
#   cassle/    messages of the records, policies, where the repository has them
#   share/     man pages, completion for bash and zsh
#   licenses/  of cassle and of every library, with the versions of their sources
#   commit.txt what --version says
# The same sources and packages give the same bytes, however often.
set -euo pipefail
# The order of sort.
export LC_ALL=C.UTF-8
cd "$(dirname "$0")/.."

output=
for argument in "$@"; do
  case $argument in
    --output=/*) output=${argument#*=} ;;
    # From where this was called.
    --output=?*) output=$OLDPWD/${argument#*=} ;;
    *) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' tools/bundle.sh >&2; exit 64 ;;
  esac
done
[[ $output != */ ]] || [ ! -e "${output%/}" ] || { echo "bundle.sh: ${output%/} exists: name another folder" >&2; exit 73; }
[ -z "${CASSLE_LIBTORCH:-}" ] ||
  { echo "bundle.sh: unset CASSLE_LIBTORCH: a bundle holds Debian's LibTorch" >&2; exit 64; }
command -v patchelf > /dev/null || { echo "bundle.sh: patchelf is missing: tools/install_deps.sh --bundle" >&2; exit 71; }

# What Bazel says goes nowhere but to stderr.
mapfile -t programs < <(bazel query --noshow_progress 'labels(srcs, //cassle:programs)' 2> /dev/null)
[ ${#programs[@]} -gt 0 ] || { echo "bundle.sh: bazel query finds no programs in //cassle:programs" >&2; exit 71; }
bazel build --noshow_progress "${programs[@]}" >&2
version=$(bazel-bin/cassle/cassle --version | sed -n '1s/.* //p')
name=cassle-$version-linux-x86_64
: "${output:=$name.tar.gz}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bundle=$work/$name
mkdir -p "$bundle/lib" "$bundle/licenses"

# Debian's LibTorch names libraries of which it calls nothing: OpenCV, FFmpeg, GDAL, Qt. Without them pretrain loads 72
# libraries instead of 317, 230 MB instead of 530, and starts in half the time.
torch=$(ldd bazel-bin/cassle/ssl/pretrain | awk '$1 ~ /^libtorch_cpu\.so/ { print $3 }')
cp -L "$torch" "$bundle/lib/"
mapfile -t thinner < <(ldd -u "$torch" | sed -nE 's|^\t/.*/(.*)|--remove-needed\n\1|p')
[ ${#thinner[@]} -eq 0 ] || patchelf "${thinner[@]}" "$bundle/lib/$(basename "$torch")"
{
  tools/pack_programs.sh "$bundle" libc6 "${programs[@]}"
  real=$(realpath "$torch")
  printf '%s %s %s\n' "$(basename "$torch")" "$real" "$(dpkg -S "$real" | cut -d: -f1)"
} | sort > "$work/libraries"

# DT_RPATH, which unlike DT_RUNPATH holds for the libraries of libraries too and goes before LD_LIBRARY_PATH.
patchelf --force-rpath --set-rpath "\$ORIGIN/../lib" "$bundle"/bin/*
for library in "$bundle"/lib/*; do
  chmod 644 "$library"
  # A path of its own would hide that of the program.
  [ -z "$(patchelf --print-rpath "$library")" ] || patchelf --set-rpath "\$ORIGIN" "$library"
done
foreign=$(for program in "$bundle"/bin/*; do env -i ldd -r "$program" 2>&1; done |
  grep -E 'not found|undefined symbol|=> /' | grep -vF "=> $bundle/" |
  grep -vE '^\s*(lib(c|m|dl|rt|pthread|util|resolv|mvec|anl)\.so\.[0-9]) => ' || true)
[ -z "$foreign" ] || { printf 'bundle.sh: not of the bundle:\n%s\n' "$foreign" >&2; exit 71; }

cp -R configs LICENSE "$bundle"
# What `--help` points to, with its pictures; and what reads shards in Python, where it finds their messages.
mkdir -p "$bundle/examples/python" "$bundle/cassle/data/records" "$bundle/cassle/augment"/{operations,policies}
cp -R docs "$bundle"
cp examples/python/cassle_read.py "$bundle/examples/python"
cp cassle/data/records/*_record.proto "$bundle/cassle/data/records"
cp cassle/augment/operations/policy.proto "$bundle/cassle/augment/operations"
cp cassle/augment/policies/*.textproto "$bundle/cassle/augment/policies"
mkdir -p "$bundle/share/man/man1" "$bundle/share/bash-completion/completions" "$bundle/share/zsh/site-functions"
cp cassle/front/completion.bash "$bundle/share/bash-completion/completions/cassle"
cp cassle/front/completion.zsh "$bundle/share/zsh/site-functions/_cassle"
for program in "$bundle"/bin/*; do
  page=cassle-$(basename "$program")
  "$program" --help=man > "$bundle/share/man/man1/${page/#cassle-cassle/cassle}.1"
done

# Licences, and where the sources are: the GPL and LGPL among them ask whoever hands the bundle on to offer those too.
mv "$bundle/LICENSE" "$bundle/licenses/cassle"
cp -RL /usr/share/common-licenses "$bundle/licenses/common-licenses"
while read -r library _ package; do
  cp -L "/usr/share/doc/$package/copyright" "$bundle/licenses/$package"
  printf '%s\t%s\n' "$library" "$(dpkg-query -W -f='${Package} ${Version}, source ${source:Package} ${source:Version}' "$package" | head -1)"
done < "$work/libraries" > "$bundle/licenses/libraries.txt"
{
  git describe --always --abbrev=12 --dirty=" with changes" --exclude='*' 2> /dev/null || echo unknown
} > "$bundle/commit.txt"

chmod -R u+w,go-w "$bundle"
if [[ $output == */ ]]; then
  mv -T "$bundle" "${output%/}"
else
  tar -C "$work" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --mode=a+rX -cf - "$name" | gzip -n > "$output.partial"
  mv "$output.partial" "$output"
fi
du -sm "${output%/}" | awk -v path="$output" '{ print "bundle: " $1 " MiB, " path }' >&2
