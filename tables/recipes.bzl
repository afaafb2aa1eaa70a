"""Methods and treatments as small encoders on two cores need them (ResNet-18 at a quarter of its width, 128 features)."""

# Every table computes in the one precision that all processors have. `auto` would make another table, and another
# training in the cache, on a processor with bfloat16 instructions.
PRECISION = "--precision=float32"

# Method -> (title, flags). Sizes for 128 features; the defaults are the papers', for ResNet-50. One learning rate per
# method, tried plain and with CASSLE on cifar10 (docs/results/methods.md).
METHODS = {
    "simclr": ("SimCLR", ["--base_lr=0.12"]),
    "moco_v2": ("MoCo-v2", [
        "--base_lr=0.12",
        "--method.moco_v2.queue_size=4096",
    ]),
    "moco_v3": ("MoCo-v3", [
        "--base_lr=0.002",
        "--method.moco_v3.hidden_size=512",
        "--method.moco_v3.predictor_hidden_size=512",
    ]),
    "byol": ("BYOL", [
        "--base_lr=0.12",
        "--method.byol.hidden_size=512",
        "--method.byol.predictor_hidden_size=512",
        # The default, 0.996, is for hundreds of epochs: with it two epochs gained 5.8 points, three with this 14.
        "--method.byol.momentum=0.97",
    ]),
    "simsiam": ("SimSiam", [
        "--base_lr=0.12",
        "--method.simsiam.hidden_size=512",
        "--method.simsiam.projection_size=512",
        "--method.simsiam.predictor_hidden_size=128",
    ]),
    "barlow_twins": ("Barlow Twins", [
        "--base_lr=0.12",
        "--optimizer=sgd",
        "--method.barlow_twins.hidden_size=512",
        "--method.barlow_twins.projection_size=512",
    ]),
    "vicreg": ("VICReg", [
        "--base_lr=0.6",
        "--method.vicreg.hidden_size=512",
        "--method.vicreg.projection_size=512",
    ]),
    "swav": ("SwAV", [
        # LARS's. With 0.12 three epochs of SwAV + CASSLE gained 5.7 points, with this 10.2.
        "--base_lr=0.6",
        "--method.swav.hidden_size=512",
        "--method.swav.num_prototypes=300",
        "--method.swav.freeze_prototypes_steps=100",
    ]),
    "dino": ("DINO", [
        "--base_lr=0.002",
        "--method.dino.hidden_size=512",
        "--method.dino.num_outputs=1024",
        "--method.dino.freeze_last_layer_epochs=0",
    ]),
    "supervised": ("supervised", ["--base_lr=0.12"]),
    "nnclr": ("NNCLR", [
        "--base_lr=0.6",
        "--method.nnclr.hidden_size=512",
        "--method.nnclr.predictor_hidden_size=512",
        "--method.nnclr.projection_size=128",
        "--method.nnclr.queue_size=4096",
    ]),
    "lejepa": ("LeJEPA", [
        "--base_lr=0.002",
        "--method.lejepa.hidden_size=512",
        "--method.lejepa.num_slices=256",
        "--method.lejepa.projection_size=64",
    ]),
    "sie": ("SIE", [
        "--base_lr=0.002",
        "--method.sie.hidden_size=512",
        "--method.sie.projection_size=512",
    ]),
}

# Treatment -> (what follows the method's title, flags).
TREATMENTS = {
    "none": ("", []),
    "augself": (" + AugSelf", ["--augself.crop=1", "--augself.color=1"]),
    # The authors' 6 x 64 is made for 2048 features; here there are 128.
    "cassle": (" + CASSLE", ["--conditioning=mlp", "--conditioning.depth=2", "--conditioning.width=16"]),
}

# What else stands beside a method, in //tables/methods: CASSLE with AugSelf, CASSLE told of differences, EquiMod.
NEIGHBOURS = {
    "cassle_augself": (" + CASSLE + AugSelf", TREATMENTS["cassle"][1] + TREATMENTS["augself"][1]),
    "relative": (" + CASSLE (relative)", TREATMENTS["cassle"][1] + ["--conditioning.relative=true"]),
    "equimod": (" + EquiMod", ["--equimod.weight=1", "--equimod.hidden_size=512"]),
}

# Flags of every run.
SMALL_ENCODER = [
    PRECISION,
    "--backbone.width_factor=0.25",
    # Two trainings run side by side on two cores.
    "--compute_threads=1",
]
