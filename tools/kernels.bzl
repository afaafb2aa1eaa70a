"""Vector units that the stages of a build may use: --//tools:kernels=native, avx2 or baseline.

Numbers may differ from processor to processor, claims of tables may not. With a machine that has more, this shows what one
that has less would make. Programs are not compiled again; only stages run again.
"""

KernelsInfo = provider("Vector units for stages.", fields = {"environment": "list of NAME=VALUE"})

# For LibTorch (and our own kernels), oneDNN and OpenBLAS.
_ENVIRONMENTS = {
    "native": [],
    "avx2": ["ATEN_CPU_CAPABILITY=avx2", "ONEDNN_MAX_CPU_ISA=AVX2", "OPENBLAS_CORETYPE=Haswell"],
    "baseline": ["ATEN_CPU_CAPABILITY=default", "ONEDNN_MAX_CPU_ISA=SSE41", "OPENBLAS_CORETYPE=Nehalem"],
}

def _kernels_impl(ctx):
    value = ctx.build_setting_value
    if value not in _ENVIRONMENTS:
        fail("--//tools:kernels=%s: expected one of %s" % (value, ", ".join(_ENVIRONMENTS.keys())))
    return KernelsInfo(environment = _ENVIRONMENTS[value])

kernels = rule(
    doc = "The setting; native: all that the processor has.",
    implementation = _kernels_impl,
    build_setting = config.string(flag = True),
)
