"""@real_data: the folder of real image sets that CASSLE_DATA_DIR names, else ../shared/data beside the checkout.

Each set is a filegroup, e.g. @real_data//:cifar10. Of a set that is not there what needs its images fails when it is
built, and says what to do; what only names it, such as curves of kept results, is built without.
"""

# What tables name, with the files that they name of it.
_NAMED = {
    "cifar10": [],
    "dtd10": [],
    "flowers17": [],
    "grocery": ["coarse.txt"],
    "tinyimagenet100": [],
}

def _missing(ctx, root, name, output):
    """A target whose making fails with a line that says why."""
    why = name + ".why"
    ctx.file(why, "%s has no %s: name the folder of image sets by CASSLE_DATA_DIR (docs/datasets.md)\n" % (root, output))
    return "genrule(name = \"%s\", srcs = [\"%s\"], outs = [\"%s\"], cmd = \"cat $< >&2; exit 1\")" % (
        name,
        why,
        output + ".missing" if output == name else output,
    )

def _real_data_repository_impl(ctx):
    checkout = ctx.path(Label("//:WORKSPACE")).dirname
    folder = ctx.os.environ.get("CASSLE_DATA_DIR", "") or "../shared/data"
    root = ctx.path(folder if folder.startswith("/") else "%s/%s" % (checkout, folder))
    build = [
        "package(default_visibility = [\"//visibility:public\"])",
        "exports_files(glob([\"**/*.txt\"]))",
    ]
    found = []
    for entry in root.readdir() if root.exists else []:
        if ctx.path(str(entry) + "/classes.txt").exists:
            found.append(entry.basename)
            ctx.symlink(entry, entry.basename)
            build.append("filegroup(name = %r, srcs = glob([%r]))" % (entry.basename, entry.basename + "/*"))
    for name, files in _NAMED.items():
        if name not in found:
            build.append(_missing(ctx, root, name, name))
        for file in files:
            path = "%s/%s" % (name, file)
            if name not in found or not ctx.path(path).exists:
                build.append(_missing(ctx, root, path.replace("/", "_"), path))
    ctx.file("BUILD", "\n".join(build) + "\n")

real_data_repository = repository_rule(
    implementation = _real_data_repository_impl,
    environ = ["CASSLE_DATA_DIR"],
    local = True,
)
