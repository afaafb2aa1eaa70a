#!/usr/bin/env bash
# Runs a bundle of tools/bundle.sh where nothing else is: a small pipeline with an empty environment.
#   tools/bundle_test.sh [--bundle=FILE.tar.gz] [PLACE...]     without a bundle it makes one
#   PLACE  here                another folder, another HOME, no network, no Bazel on PATH: seconds
#          bookworm, trixie    a bare Debian that debootstrap makes (Debian's mirror, 2 minutes each), no network inside
#          ROOT/               a root that is there already: of Ubuntu, say
#   Default: here bookworm trixie. What cannot be tried is said, and is no failure. Needs root for all but `here`.
# Environment: CASSLE_MIRROR (default http://deb.debian.org/debian).
set -euo pipefail
cd "$(dirname "$0")/.."

places=() bundle=
for argument in "$@"; do
  case $argument in
    # Paths are from where this was called.
    --bundle=*) bundle=$(cd "$OLDPWD" && realpath -e "${argument#*=}") || exit 66 ;;
    here | bookworm | trixie) places+=("$argument") ;;
    /*/) places+=("$argument") ;;
    */) places+=("$OLDPWD/$argument") ;;
    *) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' tools/bundle_test.sh >&2; exit 64 ;;
  esac
done
[ ${#places[@]} -gt 0 ] || places=(here bookworm trixie)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if [ -z "$bundle" ]; then
  bundle=$work/bundle.tar.gz
  tools/bundle.sh --output="$bundle"
fi

# All that gets in: the work-around of Debian's OpenBLAS on new processors (docs/troubleshooting.md).
environment=()
[ -z "${OPENBLAS_CORETYPE:-}" ] || environment=("OPENBLAS_CORETYPE=$OPENBLAS_CORETYPE")

# fill FOLDER: the bundle unpacked, pictures, and the script that uses them; nothing of the repository.
fill() {
  mkdir -p "$1/photos/a class" "$1/home"
  tar -C "$1" -xzf "$bundle"
  mv "$1"/cassle-*-linux-x86_64 "$1/a bundle"
  local seeds=cassle/data/images/formats/testdata/fuzz
  cp "$seeds"/avif_fuzzer/q100.avif "$seeds"/heic_fuzzer/rgb.heic "$seeds"/jpeg_xl_fuzzer/rgb.jxl \
    "$seeds"/jpeg_2000_fuzzer/lossy.jp2 "$seeds"/tiff_fuzzer/rgb_jpeg.tif "$seeds"/webp_fuzzer/e_4_1_8.webp "$1/photos/a class"
  cp tools/bundle/pipeline.sh "$1"
}

# as_documented: what docs/install.md says to type on the other machine, with other folders.
as_documented() {
  mkdir -p "$work/typed/opt" "$work/typed/bin"
  ln -s "$bundle" "$work/typed/$(tar -tzf "$bundle" | sed -n '1s#/.*#.tar.gz#p')"
  sed -nE 's/^    ((tar|ln|cassle|source|man) .*)/\1/p' docs/install.md |
    sed "s#/opt#$work/typed/opt#g; s#/usr/local/bin#$work/typed/bin#" > "$work/typed/commands"
  (cd "$work/typed" && env -i "${environment[@]}" HOME="$work" PATH="$work/typed/bin:/usr/bin:/bin" bash -ex commands) > "$work/said" 2>&1 &&
    [ -s "$work/typed/cassle-pretrain.1" ] ||
    { echo "FAILED: the commands of docs/install.md:" >&2; cat "$work/said" >&2; return 1; }
}

# in_root ROOT: runs it there, with processes, mounts and a network (none) of its own.
in_root() {
  local root=$1 inside
  inside=$(mktemp -d "$root/tmp/cassle.XXXXXX")
  fill "$inside"
  local there=${inside#"$root"} code=0
  # shellcheck disable=SC2016  # for the shell inside
  unshare --mount --pid --net --fork bash -c \
    'mount -t proc proc "$1/proc" && cd / && exec chroot "$1" /usr/bin/env -i "${@:3}" /bin/sh -c "$2"' \
    bash "$root" "cd $there/home && HOME=$there/home exec /bin/sh ../pipeline.sh '$there/a bundle' '$there/photos'" "${environment[@]}" || code=$?
  rm -rf "$inside"
  return $code
}

failed=0
for place in "${places[@]}"; do
  echo "--- $place" >&2
  if [ "$place" = here ]; then
    as_documented || failed=1
    fill "$work/here"
    isolate=()
    ! unshare --net true 2> /dev/null || isolate=(unshare --net)
    (cd "$work/here/home" && "${isolate[@]}" env -i "${environment[@]}" HOME="$work/here/home" LD_LIBRARY_PATH=/nowhere \
      /bin/sh ../pipeline.sh "$work/here/a bundle" "$work/here/photos") || failed=1
  elif [ "$(id -u)" -ne 0 ] || ! unshare --mount true 2> /dev/null; then
    echo "bundle_test.sh: $place is not tried: that needs root and mounts" >&2
  elif [[ $place == */ ]]; then
    in_root "$(realpath "$place")" || failed=1
  elif ! command -v debootstrap > /dev/null; then
    echo "bundle_test.sh: $place is not tried: debootstrap is missing (tools/install_deps.sh --bundle)" >&2
  elif ! debootstrap --variant=minbase "$place" "$work/$place" "${CASSLE_MIRROR:-http://deb.debian.org/debian}" > "$work/log" 2>&1; then
    echo "bundle_test.sh: $place is not tried: debootstrap says $(tail -1 "$work/log")" >&2
  else
    in_root "$work/$place" || failed=1
    rm -rf "${work:?}/$place"
  fi
done
exit $failed
