"""Every method plain, with AugSelf and with CASSLE, in short runs."""

load("//tables:recipes.bzl", "METHODS", "TREATMENTS")
load("//tools:pipeline.bzl", "cassle_pretrain", "cassle_table")

def method_grid(name, flags, images, more_epochs = {}):
    """NAME: a report of trainings, one row per METHOD_TREATMENT.

    more_epochs: method -> epochs, instead of those of `flags`.
    """
    models = {}
    for method, (title, own) in METHODS.items():
        epochs = ["--epochs=%d" % more_epochs[method]] if method in more_epochs else []
        for treatment, (suffix, more) in TREATMENTS.items():
            model = "%s_%s" % (method, treatment)
            cassle_pretrain(
                name = model,
                flags = ["--method=" + method] + flags + epochs + own + more,
                images = images,
                tags = ["manual"],
            )
            models[":" + model] = title + suffix
    cassle_table(
        name = name,
        flags = ["--title=Every method plain, with AugSelf, with CASSLE"],
        models = models,
        tags = ["manual"],
    )
