"""What the encoders of //tables/mini and //tables/ablation have in common: how they are trained, what they are tested on."""

load("//tables:comparison.bzl", "test_set")
load("//tables:recipes.bzl", "SMALL_ENCODER")

FLAGS = SMALL_ENCODER + [
    "--policy=cifar",
    "--batch_size=128",
]

SETS = {
    "cifar10": test_set("//tables/mini:cifar10_part"),
    "flowers17": test_set("//tables/data:flowers17"),
    # Its classes are not balanced; 81 classes, and the 43 kinds that they belong to.
    "grocery": test_set(
        "//tables/data:grocery",
        [
            "--target=label,coarse",
            "--metric=class_avg",
        ],
        val = True,
    ),
    "dtd10": test_set("//tables/data:dtd10"),
    "tinyimagenet100": test_set(
        "//tables/data:tinyimagenet100",
        knn = True,
    ),
}
