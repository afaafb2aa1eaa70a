"""What a pipeline that is wired wrongly says before anything runs."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")

def _refused_test_impl(ctx):
    env = analysistest.begin(ctx)
    asserts.expect_failure(env, ctx.attr.words)
    return analysistest.end(env)

refused_test = analysistest.make(
    _refused_test_impl,
    attrs = {"words": attr.string(mandatory = True, doc = "What the failure of target_under_test says.")},
    expect_failure = True,
)
