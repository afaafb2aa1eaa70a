"""What a pipeline says before anything runs: nothing, or what is wired wrongly."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")

def _refused_test_impl(ctx):
    env = analysistest.begin(ctx)
    asserts.expect_failure(env, ctx.attr.words)
    return analysistest.end(env)

def _analysed_test_impl(ctx):
    return analysistest.end(analysistest.begin(ctx))

# That target_under_test passes analysis; it is not built.
analysed_test = analysistest.make(_analysed_test_impl)

refused_test = analysistest.make(
    _refused_test_impl,
    attrs = {"words": attr.string(mandatory = True, doc = "What the failure of target_under_test says.")},
    expect_failure = True,
)
