"""Every method plain, with AugSelf and with CASSLE, in short runs."""

load("//tools:pipeline.bzl", "cassle_monitor_table", "cassle_pretrain")

_TREATMENTS = {
    "none": ("", []),
    "augself": (" + AugSelf", ["--augself.crop=1", "--augself.color=1"]),
    # The authors' 6 x 64 is made for 2048 features; here there are 128.
    "cassle": (" + CASSLE", ["--conditioning=mlp", "--conditioning.depth=2", "--conditioning.width=16"]),
}

def method_grid(name, methods, flags, images):
    """NAME.md: one row per METHOD_TREATMENT. methods: name -> (title, flags of its own)."""
    rows = {}
    for method, (title, own) in methods.items():
        for treatment, (suffix, more) in _TREATMENTS.items():
            model = "%s_%s" % (method, treatment)
            cassle_pretrain(
                name = model,
                flags = ["--method=" + method] + flags + own + more,
                images = images,
                tags = ["manual"],
            )
            rows[":" + model] = title + suffix
    cassle_monitor_table(
        name = name,
        rows = rows,
        tags = ["manual"],
    )
