"""Every method plain, with AugSelf and with CASSLE, some with more beside them, in short runs."""

load("//tables:recipes.bzl", "METHODS", "NEIGHBOURS", "TREATMENTS")
load("//tools:pipeline.bzl", "cassle_pretrain", "cassle_table")

def method_grid(name, flags, images, more_epochs = {}, with_neighbours = []):
    """NAME: a report of trainings, one row per METHOD_TREATMENT.

    more_epochs: method -> epochs, instead of those of `flags`.
    with_neighbours: methods that have the rows of NEIGHBOURS too.
    """
    models = {}
    for method, (title, own) in METHODS.items():
        epochs = ["--epochs=%d" % more_epochs[method]] if method in more_epochs else []
        treatments = TREATMENTS.items() + (NEIGHBOURS.items() if method in with_neighbours else [])
        for treatment, (suffix, more) in treatments:
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
