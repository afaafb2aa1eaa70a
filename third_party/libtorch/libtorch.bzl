"""@libtorch: the LibTorch named by CASSLE_LIBTORCH (1.13 or newer, CPU or CUDA), else Debian's libtorch-dev.

tools/find_libtorch.sh says what it may name. Libraries of the pip packages named nvidia-... are found by torch's own run
path; theirs are added too, for old ones that had none.
"""

_HEADER = """package(default_visibility = ["//visibility:public"])

"""

_SYSTEM = _HEADER + """
cc_library(
    name = "libtorch",
    defines = ["CASSLE_LIBTORCH_SYSTEM"],
    includes = ["api"],
    hdrs = glob(["api/**/*.h"]),
    linkopts = ["-ltorch", "-ltorch_cpu", "-lc10"],
)

# Debian's has no CUDA.
cc_library(name = "nccl")
"""

_FOLDER = _HEADER + """
cc_library(
    name = "libtorch",
    hdrs = glob(["include/**/*.h", "include/**/*.hpp", "include/**/*.cuh"]),
    includes = ["include", "include/torch/csrc/api/include"],
    # --no-as-needed: the CUDA library registers its kernels when it is loaded; no symbol of it is named.
    # The system's libstdc++ comes first: pip's libtorch.so exports parts of an old one (std::filesystem::remove_all
    # of it crashes).
    linkopts = [
        {paths}
        "-Wl,--no-as-needed",
        "-lstdc++",
        {libs}
        "-Wl,--as-needed",
    ],
)

# What c10d's ProcessGroupNCCL needs beyond LibTorch's own headers; empty without CUDA or NCCL.
cc_library(
    name = "nccl",
    hdrs = glob(["cuda/**", "nccl/**"]),
    includes = [{nccl_includes}],
    defines = [{nccl_defines}],
    linkopts = [{nccl_linkopts}],
)
"""

def _nvidia_libs(libtorch):
    """The lib folders of the nvidia-... packages beside a site-packages/torch."""
    nvidia = libtorch.dirname.get_child("nvidia")
    if not nvidia.exists:
        return []
    return [package.get_child("lib") for package in nvidia.readdir() if package.get_child("lib").exists]

def _libtorch_repository_impl(ctx):
    named = ctx.os.environ.get("CASSLE_LIBTORCH", "")
    if not named:
        root = ctx.path("/usr/include/torch/csrc/api/include")
        if not root.exists:
            fail("LibTorch is not installed: run tools/install_deps.sh (Debian: libtorch-dev), or set CASSLE_LIBTORCH to an unpacked LibTorch")
        ctx.symlink(root, "api")
        ctx.file("BUILD", _SYSTEM)
        return
    found = ctx.execute(
        [ctx.path(Label("//tools:find_libtorch.sh"))],
        environment = {"CASSLE_LIBTORCH": named, "HOME": ctx.os.environ.get("HOME", "")},
    )
    if found.return_code != 0:
        fail(found.stderr.strip())
    folder = ctx.path(found.stdout.strip())

    # Only the headers that are LibTorch's own: old packages also carry protobuf and glog headers that would shadow the system's.
    for name in ["ATen", "c10", "caffe2", "torch"]:
        headers = folder.get_child("include").get_child(name)
        if headers.exists:
            ctx.symlink(headers, "include/" + name)
    lib = folder.get_child("lib")
    # Not libtorch.so, which is a name for all of them.
    libs = [
        name
        for name in ["torch_cpu", "c10", "torch_cuda", "c10_cuda"]
        if lib.get_child("lib" + name + ".so").exists
    ]

    # Newer ones say in ATen.h that they want C++20; --config=cxx20 (.bazelrc) compiles with it and says so here.
    aten = ctx.read(folder.get_child("include").get_child("ATen").get_child("ATen.h"))
    if "C++20" in aten and ctx.os.environ.get("CASSLE_CXX", "") != "20":
        fail("CASSLE_LIBTORCH=%s needs C++20: add --config=cxx20 to bazel's flags (tools/test.sh --libtorch=... does)" % named)

    # pip's nvidia-nccl, nvidia-cuda-runtime, -crt and -cccl have headers; an unpacked LibTorch has none.
    nvidia = folder.dirname.get_child("nvidia")
    nccl = nvidia.get_child("nccl").get_child("include")
    cuda = [
        package
        for package in (nvidia.readdir() if nvidia.exists else [])
        if package.get_child("include").get_child("cuda_runtime_api.h").exists and
           package.get_child("include").get_child("crt").exists and
           package.get_child("include").get_child("cccl").exists
    ]
    with_nccl = "torch_cuda" in libs and nccl.get_child("nccl.h").exists and len(cuda) > 0
    if with_nccl:
        ctx.symlink(nccl, "nccl")
        ctx.symlink(cuda[0].get_child("include"), "cuda")

    paths = ["-L%s" % lib]
    for path in [lib] + _nvidia_libs(folder):
        paths += ["-Wl,-rpath,%s" % path, "-Wl,-rpath-link,%s" % path]
    ctx.file("BUILD", _FOLDER.format(
        paths = "".join(["\"%s\", " % path for path in paths]),
        libs = "".join(["\"-l%s\", " % name for name in libs]),
        nccl_includes = "\"cuda\", \"cuda/cccl\", \"nccl\"" if with_nccl else "",
        nccl_defines = "\"CASSLE_NCCL\"" if with_nccl else "",
        nccl_linkopts = ", ".join([
            "\"%s\"" % path.get_child("lib").get_child(name)
            for path, name in ([(nccl.dirname, "libnccl.so.2")] + [
                (cuda[0], entry.basename)
                for entry in cuda[0].get_child("lib").readdir()
                if entry.basename.startswith("libcudart.so.")
            ])
        ]) if with_nccl else "",
    ))

libtorch_repository = repository_rule(
    implementation = _libtorch_repository_impl,
    environ = ["CASSLE_LIBTORCH", "CASSLE_CXX", "HOME"],
    local = True,
)
