"""Fuzz targets: one cc_test that is two programs.

    bazel test //cassle/data/images:image_fuzzer                  runs its seeds once, as a regression test
    bazel build --config=fuzz //cassle/data/images:image_fuzzer   a libFuzzer program (see tools/fuzz.sh)
"""

load("@rules_cc//cc:defs.bzl", "cc_test")

def cassle_fuzz_test(name, deps, **kwargs):
    """A fuzz target.

    Args:
      name: ends in _fuzzer; NAME.cc defines LLVMFuzzerTestOneInput.
      deps: of NAME.cc.
      **kwargs: for cc_test.

    The seeds, and whatever a run has found, lie in testdata/fuzz/NAME/ of the package; tools/fuzz.sh also reads
    testdata/fuzz/NAME.dict and NAME.options (flags of libFuzzer, one a line) where they exist.
    """
    seeds = native.glob(["testdata/fuzz/" + name + "/**"])
    if not seeds:
        fail("%s has no seeds in testdata/fuzz/%s/" % (name, name))
    cc_test(
        name = name,
        size = "small",
        srcs = [name + ".cc"],
        args = ["%s/testdata/fuzz/%s" % (native.package_name(), name)],
        data = seeds,
        linkopts = select({
            "//tools:fuzzing": ["-fsanitize=fuzzer"],
            "//conditions:default": [],
        }),
        deps = deps + ["//cassle/base/testing:fuzz_check"] + select({
            "//tools:fuzzing": [],
            "//conditions:default": ["//cassle/base/testing:fuzz_corpus_main"],
        }),
        **kwargs
    )
