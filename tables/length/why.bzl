"""The factors of //tables/length:why: each row changes one thing, and says what it is compared with."""

load("//tables:recipes.bzl", "METHODS", "TREATMENTS")

_MOCO = ["--method=moco_v2"] + METHODS["moco_v2"][1]
_CASSLE = TREATMENTS["cassle"][1]
_NO_COLOR_DIFF = ["--conditioning.groups=color,crop,flip,grayscale"]
_CROP_COLOR = ["--conditioning.groups=color,crop"]
_MOMENTUM_99 = "--method.moco_v2.momentum=0.99"

def _row(title, baseline, flags):
    return struct(baseline = baseline, flags = _MOCO + flags, title = title)

def _told(title, flags):
    """A change that only a conditioned projector has: compared with plain training."""
    return _row("MoCo-v2 + CASSLE, " + title, "none", _CASSLE + flags)

def _both(key, title, flags):
    """A change of both sides: compared with plain training so changed."""
    return {
        key + "_none": _row("MoCo-v2, " + title, "", flags),
        key + "_cassle": _row("MoCo-v2 + CASSLE, " + title, key + "_none", _CASSLE + flags),
    }

def _network(title, depth, width, flags = [], conditioning = "mlp"):
    """Another conditioning network."""
    return _row("MoCo-v2 + CASSLE, " + title, "none", [
        "--conditioning=" + conditioning,
        "--conditioning.depth=%d" % depth,
        "--conditioning.width=%d" % width,
    ] + flags)

# Every row is looked at with seed 1. Those that then, after 30 epochs, cost tinyimagenet100 no more than CASSLE does have all
# seeds: what might become a setting is not told from one. So has momentum 0.99, which costs 2 images of 5000 more: with it keys
# remember 2 epochs, as the authors' do, and raw with it.
_ALL_SEEDS = [
    "none",
    "cassle",
    "strength_quarter",
    "groups_color",
    "groups_color_diff",
    "groups_grayscale",
    "no_norm",
    "raw",
    "projector_rate_quarter",
    "depth_3_none",
    "depth_3_cassle",
    "hidden_512_none",
    "hidden_512_cassle",
    "rate_quarter_none",
    "rate_quarter_cassle",
    "rate_twice_none",
    "rate_twice_cassle",
    "width_half_none",
    "width_half_cassle",
    "momentum_99_none",
    "momentum_99_cassle",
    "momentum_99_raw",
]

def _all(*parts):
    """key -> row of all parts, with its seeds; none: those of the plan."""
    rows = {}
    for part in parts:
        rows.update(part)
    return {
        key: struct(
            baseline = row.baseline,
            flags = row.flags,
            seeds = [] if key in _ALL_SEEDS else [1],
            title = row.title,
        )
        for key, row in rows.items()
    }

# The first two are those of //tables/length:cpu. Of a flag that is given twice the last counts.
FACTORS = _all(
    {
        "none": _row("MoCo-v2", "", []),
        "cassle": _row("MoCo-v2 + CASSLE", "none", _CASSLE),
        # How much it is told.
        "strength_quarter": _told("strength 0.25", ["--conditioning.strength=0.25"]),
        "strength_four": _told("strength 4", ["--conditioning.strength=4"]),
        "groups_color": _told("told color", ["--conditioning.groups=color"]),
        "groups_color_diff": _told("told color_diff", ["--conditioning.groups=color_diff"]),
        "groups_crop": _told("told crop", ["--conditioning.groups=crop"]),
        "groups_flip": _told("told flip", ["--conditioning.groups=flip"]),
        "groups_grayscale": _told("told grayscale", ["--conditioning.groups=grayscale"]),
        # How.
        "no_norm": _told("no batch norm after the conditioning network", ["--conditioning.final_norm=false"]),
        "keys_not_told": _told("keys not told", ["--method.moco_v2.tell_keys=false"]),
        "raw": _row("MoCo-v2 + CASSLE, raw", "none", ["--conditioning=raw"]),
        "projector_rate_quarter": _told("a quarter of the rate for the projector", ["--projector_rate=0.25"]),
        "projector_rate_four": _told("four times the rate for the projector", ["--projector_rate=4"]),
        # The six that the authors kept records of (docs/reproducing.md).
        "authors_size": _network("6 layers of 64, the authors' for ResNet-50", 6, 64),
        "authors_no_color_diff": _network("6 layers of 64, not told color_diff", 6, 64, _NO_COLOR_DIFF),
        "authors_depth_4": _network("4 layers of 64, not told color_diff", 4, 64, _NO_COLOR_DIFF),
        "authors_crop_color": _network("4 layers of 64, told color and crop", 4, 64, _CROP_COLOR),
        "authors_small": _network(
            "3 layers of 16, told color and crop, 5/3 of the rate",
            3,
            16,
            # Their 0.05 to the 0.03 of the others.
            _CROP_COLOR + ["--base_lr=0.2"],
        ),
        "authors_hypernetwork": _network(
            "hypernetwork of 4 layers of 64",
            4,
            64,
            _NO_COLOR_DIFF,
            conditioning = "hypernetwork",
        ),
    },
    _both("depth_3", "projector of 3 layers", ["--method.moco_v2.projector_depth=3"]),
    _both("hidden_512", "projector 512 wide", ["--method.moco_v2.hidden_size=512"]),
    _both("rate_quarter", "a quarter of the rate", ["--base_lr=0.03"]),
    _both("rate_twice", "twice the rate", ["--base_lr=0.24"]),
    _both("width_half", "half of ResNet-18's width", ["--backbone.width_factor=0.5"]),
    # The keys' network remembers 1,000 steps (22 epochs) with the default of 0.999.
    _both("momentum_99", "momentum 0.99", [_MOMENTUM_99]),
    # What stands best with 0.999, where keys remember as the authors' do.
    {"momentum_99_raw": _row("MoCo-v2 + CASSLE, raw, momentum 0.99", "momentum_99_none", ["--conditioning=raw", _MOMENTUM_99])},
    _both("momentum_97", "momentum 0.97", ["--method.moco_v2.momentum=0.97"]),
)
