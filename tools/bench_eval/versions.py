"""The peers' versions, and the kernels that their BLAS took."""
import importlib

for name in ("torch", "torchvision", "PIL", "numpy", "sklearn", "faiss"):
    try:
        print("%s %s" % (name, importlib.import_module(name).__version__), end=", ")
    except ImportError:
        pass
try:
    import threadpoolctl
    kernels = {info["architecture"] for info in threadpoolctl.threadpool_info() if "architecture" in info}
    print("OpenBLAS kernels: " + (", ".join(sorted(kernels)) or "none"))
except ImportError:
    print("OpenBLAS kernels unknown (no threadpoolctl)")
