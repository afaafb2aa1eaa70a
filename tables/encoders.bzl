"""Rows of a table: an encoder and what a linear probe finds in it.

The targets are tagged manual, since they train: `bazel build //...` and `bazel test //...` leave them alone.
"""

load("//tables:recipes.bzl", "PRECISION")
load("//tools:pipeline.bzl", "cassle_embed", "cassle_linear_probe", "cassle_pretrain")

def embedded(prefix, images, model, splits, flags):
    """PREFIX_SPLIT: embeddings of each split."""
    for split in splits:
        cassle_embed(
            name = "%s_%s" % (prefix, split),
            flags = [PRECISION] + flags,
            images = images,
            model = model,
            split = split,
            tags = ["manual"],
        )

def probed_encoder(name, model, images, embed_flags = [], probe_flags = [], eval_images = None):
    """NAME: a linear probe on the train and test splits of `eval_images` (default: images), seen through `model`."""
    embedded(name, eval_images or images, model, ["train", "test"], embed_flags)
    cassle_linear_probe(
        name = name,
        flags = probe_flags,
        tags = ["manual"],
        test = ":%s_test" % name,
        train = ":%s_train" % name,
    )

def trained_encoder(name, images, flags, policy = None, probe_flags = []):
    """NAME_model trained on `images`, and NAME: its probe on the same data set."""
    cassle_pretrain(
        name = name + "_model",
        flags = flags,
        images = images,
        policy = policy,
        tags = ["manual"],
    )
    probed_encoder(
        name = name,
        images = images,
        model = ":%s_model" % name,
        probe_flags = probe_flags,
    )
