"""@libtorch: the folder named by CASSLE_LIBTORCH (any LibTorch, CPU or CUDA), else Debian's libtorch-dev."""

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
"""

_FOLDER = _HEADER + """
cc_library(
    name = "libtorch",
    hdrs = glob(["include/**/*.h", "include/**/*.cuh"]),
    includes = ["include", "include/torch/csrc/api/include"],
    # --no-as-needed: the CUDA library registers its kernels when it is loaded; no symbol of it is named.
    linkopts = [
        "-L{lib}",
        "-Wl,-rpath,{lib}",
        "-Wl,--no-as-needed",
        {libs}
        "-Wl,--as-needed",
    ],
    {defines}
)
"""

def _libtorch_repository_impl(ctx):
    folder = ctx.os.environ.get("CASSLE_LIBTORCH", "")
    if not folder:
        root = ctx.path("/usr/include/torch/csrc/api/include")
        if not root.exists:
            fail("LibTorch is not installed: run tools/install_deps.sh (Debian: libtorch-dev), or set CASSLE_LIBTORCH to an unpacked LibTorch")
        ctx.symlink(root, "api")
        ctx.file("BUILD", _SYSTEM)
        return
    lib = ctx.path(folder + "/lib")
    if not lib.exists or not ctx.path(folder + "/include/ATen/ATen.h").exists:
        fail("CASSLE_LIBTORCH=%s is not a LibTorch: expected include/ATen/ATen.h and lib/ there" % folder)

    # Only the headers that are LibTorch's own: old packages also carry protobuf and glog headers that would shadow the system's.
    for name in ["ATen", "c10", "caffe2", "torch"]:
        if ctx.path(folder + "/include/" + name).exists:
            ctx.symlink(folder + "/include/" + name, "include/" + name)
    libs = ["torch", "torch_cpu", "c10"]
    for name in ["torch_cuda", "c10_cuda"]:
        if ctx.path(folder + "/lib/lib" + name + ".so").exists:
            libs.append(name)

    # Packages for old compilers use the other std::string; the package says so itself.
    cmake = ctx.path(folder + "/share/cmake/Torch/TorchConfig.cmake")
    old_abi = cmake.exists and "_GLIBCXX_USE_CXX11_ABI=0" in ctx.read(cmake)
    if old_abi:
        fail("CASSLE_LIBTORCH=%s is built for the pre-C++11 ABI and cannot be linked with the system's Protobuf: take the package named cxx11-abi" % folder)
    ctx.file("BUILD", _FOLDER.format(
        lib = lib,
        libs = "".join(["\"-l%s\", " % name for name in libs]),
        defines = "",
    ))

libtorch_repository = repository_rule(
    implementation = _libtorch_repository_impl,
    environ = ["CASSLE_LIBTORCH"],
    local = True,
)
