"""What the encoders of //tables/mini and //tables/ablation are tested on."""

load("//tables:comparison.bzl", "test_set")

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
