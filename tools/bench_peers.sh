# What tools/bench_augment.sh, bench_eval.sh and bench_train.sh share; they source it right after they went to the root.
called_from=$OLDPWD
debian_python=/usr/bin/python3
python=$debian_python

# The comment at the top of the script is its help.
usage() { sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "tools/$(basename "$0")" >&2; exit 64; }
# fail CODE MESSAGE...
fail() { echo "$(basename "$0"): ${*:2}" >&2; exit "$1"; }

# install PACKAGE...: Debian's, through apt.
install() {
  local run=()
  [ "$(id -u)" -eq 0 ] || run=(sudo)
  "${run[@]}" apt-get update -qq
  "${run[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >&2
}
# from_caller PATH: a path that the caller named, from here.
from_caller() {
  case $1 in
    /*) echo "$1" ;;
    *) echo "$called_from/$1" ;;
  esac
}
for variable in CASSLE_DATA_DIR BUILT PAIR_BENCHMARK; do
  [ -z "${!variable:-}" ] || declare "$variable=$(from_caller "${!variable}")"
done
# use_python PATH: another interpreter than Debian's; a name alone is looked for in PATH.
use_python() {
  python=$1
  [[ $1 != */* ]] || python=$(from_caller "$1")
  command -v "$python" >/dev/null || fail 66 "--python=$1: no such program"
}
has_modules() { "$python" -c "import $1" 2>/dev/null; }

# peer SCRIPT...: the Python side. OPENBLAS_CORETYPE is a work-around for Debian's old OpenBLAS
# (docs/troubleshooting.md) that would slow today's down.
peer() {
  if [ "$python" = "$debian_python" ] || [ -n "${isa:-}" ]; then
    "$python" "$@"
  else
    env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE "$python" "$@"
  fi
}

# force_isa avx2: both sides leave newer instructions alone, where they can be told.
force_isa() {
  case $1 in
    '') ;;
    avx2)
      export ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 OPENBLAS_CORETYPE=Haswell \
        MKL_ENABLE_INSTRUCTIONS=AVX2 FAISS_OPT_LEVEL=avx2 \
        OPENCV_CPU_DISABLE=AVX512F,AVX512-COMMON,AVX512-SKX,AVX512-CNL,AVX512-CLX,AVX512-ICL
      ;;
    *) fail 64 "--isa=$1: only avx2 can be asked for" ;;
  esac
}
processor_has() { grep -qsw "$1" /proc/cpuinfo; }
# Whether both sides have bf16 instructions; if not, no_bf16 says why.
has_bf16() {
  no_bf16="Left out: bf16, for which ${isa:-this processor} has no instructions (AVX512_BF16 or AMX)"
  [ -z "$isa" ] && { processor_has avx512_bf16 || processor_has amx_bf16; }
}
find_tcmalloc() { ls /usr/lib/*/libtcmalloc_minimal.so.4 2>/dev/null | head -1 || true; }

# Two lines: which processor, and its instruction sets as far as they matter here.
describe_processor() {
  local sets= set
  for set in avx2 fma avx512f avx512_vnni avx512_bf16 avx512_fp16 amx_bf16 amx_int8 asimd sve bf16; do
    ! processor_has "$set" || sets+=" $set"
  done
  awk -F '[ \t]*: ' '{ if (!($1 in seen)) seen[$1] = $2 }
    END { print "Processor: " seen["model name"] ", family " seen["cpu family"] ", model " seen["model"] }' \
    /proc/cpuinfo
  echo "Instruction sets:${sets:- none of interest}${isa:+; both sides forced to $isa}"
}
