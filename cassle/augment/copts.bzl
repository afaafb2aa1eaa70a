"""How the pixel kernels are compiled."""

# Never a multiplication fused with an addition, so that every machine gives the same bits.
PIXEL_COPTS = [
    "-O3",
    "-ffp-contract=off",
    "-fno-trapping-math",
]
