"""@real_data: the folder of real image sets that CASSLE_DATA_DIR names, else ../shared/data beside the checkout.

Each set is a filegroup, e.g. @real_data//:cifar10. Without the folder there are no targets, and only what asks for
one fails.
"""

def _real_data_repository_impl(ctx):
    folder = ctx.os.environ.get("CASSLE_DATA_DIR", "")
    root = ctx.path(folder) if folder else ctx.path(str(ctx.path(Label("//:WORKSPACE")).dirname.dirname) + "/shared/data")
    build = [
        "package(default_visibility = [\"//visibility:public\"])",
        "exports_files(glob([\"**/*.txt\"]))",
    ]
    if root.exists:
        for entry in root.readdir():
            if ctx.path(str(entry) + "/classes.txt").exists:
                ctx.symlink(entry, entry.basename)
                build.append("filegroup(name = \"%s\", srcs = glob([\"%s/*\"]))" % (entry.basename, entry.basename))
    ctx.file("BUILD", "\n".join(build) + "\n")

real_data_repository = repository_rule(
    implementation = _real_data_repository_impl,
    environ = ["CASSLE_DATA_DIR"],
    local = True,
)
