"""A search for a method's learning rate at equal budget for every treatment."""

load("//tables:recipes.bzl", "METHODS", "TREATMENTS")
load("//tools:pipeline.bzl", "cassle_pretrain", "cassle_table")

def rate_search(name, method, rates, flags, images):
    """NAME: a report of what the monitors measured for every treatment and rate. flags: of pretrain, for all runs."""
    title, own = METHODS[method]
    models = {}
    for treatment, (suffix, more) in TREATMENTS.items():
        for rate in rates:
            model = "%s_%s_%s" % (name, treatment, rate)
            cassle_pretrain(
                name = model,
                # The last --base_lr counts.
                flags = flags + ["--method=" + method] + own + more + ["--base_lr=" + rate],
                images = images,
                tags = ["manual"],
            )
            models[":" + model] = "%s%s at rate %s" % (title, suffix, rate)
    cassle_table(name = name, models = models, tags = ["manual"])
