#include "cassle/models/told_by_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_join.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(ToldByNamesTest, WhatACheckpointSaysOfItselfMustBeKnownAndFitUnlessAnOptionDecides) {
  v1::BackboneConfig detected;
  detected.set_architecture("resnet18");
  const auto check = [&detected](const char* name, const char* given) {
    WeightFile file;
    file.networks.push_back({"args.arch", name});
    std::vector<std::string> notes;
    const absl::Status status =
        CheckNames(file, {"", &WeightFamilies()[0]}, given, detected, &notes);
    return status.ok() ? absl::StrJoin(notes, "; ") : status.ToString();
  };
  EXPECT_EQ(check("resnet18", ""), "");
  EXPECT_EQ(check("simclr", ""), "");
  EXPECT_THAT(check("resnetblur18", ""),
              AllOf(HasSubstr("DATA_LOSS"), HasSubstr("a resnetblur18 (args.arch), which is not"),
                    HasSubstr("give --backbone.architecture=resnet18")));
  EXPECT_THAT(check("resnet50", ""),
              AllOf(HasSubstr("DATA_LOSS"), HasSubstr("its tensors are those of a resnet18")));
  EXPECT_THAT(check("resnetblur18", "resnet18"), HasSubstr("--backbone.architecture decides"));
}

}  // namespace
}  // namespace cassle
