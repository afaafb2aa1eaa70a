"""The paper's tables with the authors' settings: one macro for the published data and for stand-ins."""

load("//tables:comparison.bzl", "comparison", "few_shot_set", "test_set", "training")
load("//third_party:paper_data.bzl", "PAPER_SETS")
load("//tools:pipeline.bzl", "cassle_shards")

# Method -> title. Sizes, optimisers and schedules are pretrain's defaults under --compat=official.
METHODS = {
    "moco_v2": "MoCo-v2",
    "simclr": "SimCLR",
    "barlow_twins": "Barlow Twins",
    "byol": "BYOL",
    "simsiam": "SimSiam",
    "moco_v3": "MoCo-v3",
}

# The groups of the authors' README: 13 values, without flip.
_CASSLE = [
    "--conditioning=mlp",
    "--conditioning.depth=6",
    "--conditioning.width=64",
    "--conditioning.groups=blur,color,color_diff,crop,grayscale",
]

_CLASS_AVERAGE = ["--metric=class_avg"]

# Set -> flags of linear-probe. The validation part is the one that the authors' seed draws.
_DRAWN = {
    "cifar10": [],
    "cifar100": [],
    "food101": [],
    "mit67": [],
    "pets": _CLASS_AVERAGE,
    "cars": [],
}

# Sets with a validation split of their own, and SUN397, whose authors hold out a fifth.
_WITH_VAL = {
    "flowers102": _CLASS_AVERAGE,
    "caltech101": _CLASS_AVERAGE,
    "aircraft": _CLASS_AVERAGE,
    "dtd": [],
}

# The authors' projector of SimSiam is a layer deeper for ImageNet-100 alone.
_STL10_METHODS = {"simsiam": ["--method.simsiam.projector_depth=2"]}

_FEW_SHOT = ["fc100", "cub200", "plant_disease"]

def paper_sets():
    """One shard target per published set of @paper_data."""
    for name in PAPER_SETS:
        cassle_shards(
            name = name,
            srcs = ["@paper_data//:" + name],
            config = "//configs/datasets:%s.textproto" % name,
            # ImageNet's val images are what is tested on.
            folders = {"train": name + "/train", "test": name + "/val"} if name == "imagenet100" else {"input": name},
            # Few-shot episodes come from all of CUB. The recipe's counts are of its two splits.
            flags = ["--join_splits=test", "--expect=test=11788"] if name == "cub200" else [],
            tags = ["manual"],
        )

def stand_ins(prefix, flags, val_flags):
    """Generated data sets under the names PREFIX + NAME."""
    for name in PAPER_SETS:
        cassle_shards(
            name = prefix + name,
            flags = ["--source=shapes"] + flags + (val_flags if name in _WITH_VAL else []),
            tags = ["manual"],
        )

def _sets(data, published):
    sets = {}
    for name, flags in _DRAWN.items():
        sets[name] = test_set(data + name, flags + (["--authors_split=" + name] if published else []))
    for name, flags in _WITH_VAL.items():
        sets[name] = test_set(data + name, flags, val = True)
    sets["sun397"] = test_set(data + "sun397", ["--val_fraction=0.2"])
    for name in _FEW_SHOT:
        sets[name] = few_shot_set(data + name)
    return sets

def _trainings(augself_weight, of_method):
    treatments = {
        "none": ("", []),
        "augself": (" + AugSelf", ["--augself.crop=" + augself_weight, "--augself.color=" + augself_weight]),
        "cassle": (" + CASSLE", _CASSLE),
    }
    return {
        "%s_%s" % (method, treatment): training(title + suffix, ["--method=" + method] + of_method.get(method, []) + flags)
        for method, title in METHODS.items()
        for treatment, (suffix, flags) in treatments.items()
    }

def paper_tables(prefix, data, imagenet100, stl10, published, parts, stop_epochs, policy = None):
    """PREFIXimagenet100: Table 1 and its few-shot table; PREFIXstl10: the table of STL-10 and ResNet-18.

    Args:
      prefix: of all names.
      data: what stands before the names of data sets.
      imagenet100: flags of pretrain for all rows of the first table.
      stl10: and of the second.
      published: whether the data are the published sets, for which the authors' splits are defined.
      parts: NAME -> keys of rows: further reports PREFIXimagenet100_NAME and PREFIXstl10_NAME of these rows only.
      stop_epochs: where the trainings are cut into links, for the first table and for the second.
      policy: a file, instead of a preset among the flags.
    """
    for table, flags, of_method, augself_weight, stops, title in [
        ("imagenet100", imagenet100, {}, "0.5", stop_epochs[0], "ImageNet-100, ResNet-50"),
        ("stl10", stl10 + ["--split=unlabeled"] if published else stl10, _STL10_METHODS, "1", stop_epochs[1], "STL-10, ResNet-18"),
    ]:
        comparison(
            name = prefix + table,
            flags = flags,
            images = data + table,
            policy = policy,
            parts = {"%s%s_%s" % (prefix, table, part): keys for part, keys in parts.items()},
            prefix = "%s%s_" % (prefix, table),
            sets = _sets(data, published),
            stop_epochs = stops,
            title = title,
            trainings = _trainings(augself_weight, of_method),
        )
