#include "cassle/models/exchange/configs/timm_names.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace cassle {
namespace {

TEST(TimmNamesTest, NamesInCheckpointsAreReadInEveryVocabulary) {
  for (const auto& [name, ours] : {std::pair{"resnet18", "resnet18"},
                                   {"resnet50.a1_in1k", "resnet50"},
                                   {"timm/resnet18.a1_in1k", "resnet18"},
                                   {"ResNet-18", "resnet18"},
                                   {"microsoft/resnet-50", "resnet50"},
                                   {"resnet50w2", "resnet50"},
                                   {"vit_small", "vit_small"},
                                   {"vit_b_16", "vit_base"},
                                   {"deit_small", "vit_small"},
                                   {"dino_vits16", "vit_small"},
                                   {"mae_vit_base_patch16_dec512d8b", "vit_base"},
                                   {"google/vit-base-patch16-224-in21k", "vit_base"}}) {
    const NamedNetwork named = ReadNetworkName(name);
    EXPECT_EQ(named.architecture, ours) << name;
    EXPECT_FALSE(named.other) << name;
  }
}

TEST(TimmNamesTest, NetworksThatAreNotKnownAreOthersAndMethodsSayNothing) {
  for (const char* name :
       {"resnetblur18", "resnet18d", "resnetaa50", "seresnet50", "cifar_resnet18",
        "vit_small_patch16_18x2_224", "vit_base_patch16_224_miil"}) {
    EXPECT_TRUE(ReadNetworkName(name).other) << name;
    EXPECT_EQ(ReadNetworkName(name).architecture, "") << name;
  }
  for (const char* name : {"", "simclr", "moco_v2", "resnet", "vit", "my encoder 2", "ViT-B/16"}) {
    EXPECT_FALSE(ReadNetworkName(name).other) << name;
    EXPECT_EQ(ReadNetworkName(name).architecture, "") << name;
  }
}

TEST(TimmNamesTest, TheNameOfAFileIsReadWordByWord) {
  EXPECT_EQ(OtherNetworkIn("timm_resnetaa50.pth"), "resnetaa50");
  EXPECT_EQ(OtherNetworkIn("resnetblur18-84f4748f.pth"), "resnetblur18");
  EXPECT_EQ(OtherNetworkIn("ResNet18d_ra2.safetensors"), "resnet18d");
  for (const char* name :
       {"resnet18-f37072fd.pth", "dino_resnet50_pretrain.pth", "model.safetensors",
        "resnet_best.pth", "simclr-resnet50.ckpt", "resnet50w2.pth"}) {
    EXPECT_EQ(OtherNetworkIn(name), "") << name;
  }
}

}  // namespace
}  // namespace cassle
