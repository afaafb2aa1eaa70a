#!/usr/bin/env bash
# Installs the Debian packages cassle builds with. Idempotent: asks apt only for what is missing.
#   tools/install_deps.sh          install
#   tools/install_deps.sh --list   print the packages, one per line; with options, also theirs
#   tools/install_deps.sh --fuzz   also what tools/fuzz.sh needs
#   tools/install_deps.sh --python also NumPy and the PyTorch that //tests:torchvision_test compares with (170 MiB more)
#   tools/install_deps.sh --pip    also what tools/pip_torch.sh needs of Debian's Python
#   tools/install_deps.sh --bundle also what tools/bundle.sh needs, its test, and the tests of man pages and of completion
#   tools/install_deps.sh --browser also the browser that opens the report's page in //cassle/eval/reporting:report_browser_test
#   tools/install_deps.sh --network also what joins two machines' namespaces in //tests:two_hosts_test
set -euo pipefail

# What each is for stands in README.md, section Dependencies.
packages=(
  bazel-bootstrap bazel-platforms bazel-rules-java bazel-rules-proto bazel-skylib
  g++ git clang-format procps
  libtorch-dev libgloo-dev libopenblas0-openmp
  libabsl-dev libgoogle-glog-dev libgflags-dev libprotobuf-dev protobuf-compiler
  libgtest-dev libgmock-dev libbenchmark-dev
  nlohmann-json3-dev
  libjpeg62-turbo-dev libpng-dev
  libgif-dev libtiff-dev libwebp-dev libavif-dev libheif-dev libjxl-dev libopenjp2-7-dev
  libarchive-dev libmatio-dev libisal-dev libxxhash-dev libhwy-dev libutf8proc-dev
  liblinear-dev libeigen3-dev liblbfgs-dev libonnx-dev
)

list=false
for argument in "$@"; do
  case $argument in
    --list) list=true ;;
    # Only for tools/fuzz.sh: building and testing do without.
    --fuzz) packages+=(clang-14 clang libclang-rt-14-dev) ;;
    # Only for comparisons with Python: a test that needs them reports itself as skipped.
    --python) packages+=(python3-numpy python3-torch python3-torchvision) ;;
    --pip) packages+=(python3-venv) ;;
    # Only for bundles. The tests of man pages and completion do without what is missing.
    --bundle) packages+=(binutils patchelf debootstrap man-db mandoc zsh) ;;
    # Only for the test of the report's page, which else reports itself as skipped, and for tools/docs_images.sh.
    --browser) packages+=(chromium) ;;
    # Only for the test of two machines, which else reports itself as skipped.
    --network) packages+=(iproute2) ;;
    *) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0" >&2; exit 64 ;;
  esac
done

if $list; then
  printf '%s\n' "${packages[@]}"
  exit 0
fi

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
  echo "install_deps.sh: this system has no apt. Install what these Debian 12 packages contain, then build:" >&2
  printf '  %s\n' "${packages[@]}" >&2
  exit 1
fi

missing=()
for package in "${packages[@]}"; do
  state=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$state" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

run=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "install_deps.sh: run this as root (there is no sudo here): apt-get install ${missing[*]}" >&2
    exit 1
  fi
  run=(sudo)
fi
echo "install_deps.sh: installing ${missing[*]}" >&2
"${run[@]}" apt-get update -qq
"${run[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
