"""@paper_data: the paper's published data sets, one folder each below CASSLE_PAPER_DATA (docs/datasets.md).

@paper_data//:NAME is all files of CASSLE_PAPER_DATA/NAME. A set that is not there fails only the targets that need it,
with a line that says what to put where.
"""

# docs/datasets.md, the column "recipe".
PAPER_SETS = [
    "aircraft",
    "caltech101",
    "cars",
    "cifar10",
    "cifar100",
    "cub200",
    "dtd",
    "fc100",
    "flowers102",
    "food101",
    "imagenet100",
    "mit67",
    "pets",
    "plant_disease",
    "stl10",
    "sun397",
]

_MISSING = """
genrule(
    name = "{name}",
    outs = ["{name}.missing"],
    cmd = "echo '{name}: no folder {folder}: put the published files there (docs/datasets.md) and set CASSLE_PAPER_DATA' >&2; exit 1",
)
"""

def _paper_data_repository_impl(ctx):
    root = ctx.os.environ.get("CASSLE_PAPER_DATA", "")
    if root and not root.startswith("/"):
        root = "%s/%s" % (ctx.path(Label("//:WORKSPACE")).dirname, root)
    build = ["package(default_visibility = [\"//visibility:public\"])"]
    for name in PAPER_SETS:
        folder = root + "/" + name
        if root and ctx.path(folder).exists:
            ctx.symlink(folder, name)
            build.append("filegroup(name = \"%s\", srcs = glob([\"%s/**\"]))" % (name, name))
        else:
            build.append(_MISSING.format(folder = folder if root else "CASSLE_PAPER_DATA/" + name, name = name))
    ctx.file("BUILD", "\n".join(build) + "\n")

paper_data_repository = repository_rule(
    implementation = _paper_data_repository_impl,
    environ = ["CASSLE_PAPER_DATA"],
    local = True,
)
