// CIFAR, STL-10 and IDX: layouts of raw pixels.
#include "cassle/data/sources/binary_source.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cassle/base/file.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/data/sources/source_testutil.h"
#include "cassle/data/sources/sources.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr absl::StatusCode kBad = absl::StatusCode::kFailedPrecondition;
constexpr absl::StatusCode kDamaged = absl::StatusCode::kDataLoss;

// Three planes whose bytes tell channel, row and column.
std::string Planes(int side, bool by_column) {
  std::string planes;
  for (int c = 0; c < 3; ++c) {
    for (int i = 0; i < side; ++i) {
      for (int j = 0; j < side; ++j) {
        const int row = by_column ? j : i, column = by_column ? i : j;
        planes.push_back(static_cast<char>(c * 50 + row % 8 * 5 + column % 5));
      }
    }
  }
  return planes;
}

void ExpectTellingPixels(const RgbImage& image, int side) {
  ASSERT_EQ(image.height, side);
  ASSERT_EQ(image.width, side);
  for (int row : {0, 3, side - 1}) {
    for (int column : {0, 4, side - 1}) {
      for (int c = 0; c < 3; ++c) {
        EXPECT_EQ(image.At(row, column)[c], c * 50 + row % 8 * 5 + column % 5);
      }
    }
  }
}

TEST(CifarSourceTest, ReadsTheCifar10Release) {
  const std::string root = FreshFolder("cifar10");
  const std::string folder = root + "/cifar-10-batches-bin";
  PutFile(folder + "/data_batch_1.bin", "\x03" + Planes(32, false) + "\x01" + Planes(32, false));
  PutFile(folder + "/data_batch_2.bin", "\x02" + Planes(32, false));
  PutFile(folder + "/test_batch.bin", std::string(1, '\0') + Planes(32, false));
  PutFile(folder + "/batches.meta.txt", "airplane\nautomobile\nbird\ncat\n\n");
  for (const std::string& input : {root, folder}) {
    ASSERT_OK_AND_ASSIGN(const SourceContent content, ReadSource(input));
    EXPECT_EQ(content.layout, "cifar10");
    EXPECT_THAT(content.splits, ElementsAre("train", "test"));
    EXPECT_EQ(content.info.classes_size(), 4);
    ASSERT_EQ(content.items.size(), 4);
    EXPECT_EQ(*content.items[0].label, 3);
    EXPECT_EQ(*content.items[2].label, 2);
    EXPECT_EQ(content.items[2].key, "train/data_batch_2.bin/0");
    EXPECT_EQ(content.items[3].split, 1);
    ExpectTellingPixels(content.items[1].pixels, 32);
  }
  PutFile(folder + "/data_batch_2.bin", std::string(3072, 'x'));
  EXPECT_THAT(ReadSource(root), StatusIs(kDamaged, AllOf(HasSubstr("data_batch_2.bin: 3072 bytes"),
                                                         HasSubstr("3073"))));
}

TEST(CifarSourceTest, AMissingBatchIsSaidAndAnEmptyOneIsAnError) {
  SourceArguments arguments;
  const std::string root = FreshFolder("cifar10_missing");
  arguments.inputs = {{"", root}};
  const std::string image = "\x03" + Planes(32, false);
  for (int i : {1, 2, 3, 5}) PutFile(absl::StrCat(root, "/data_batch_", i, ".bin"), image);
  PutFile(root + "/test_batch.bin", image);
  ASSERT_OK_AND_ASSIGN(const SourceContent content, ReadSource(arguments));
  EXPECT_EQ(content.items.size(), 5);
  EXPECT_THAT(arguments.tally->Sentences(),
              ElementsAre("data_batch_4.bin is missing: 5 of the 6 files of the release are read"));
  PutFile(root + "/data_batch_4.bin", "");
  EXPECT_THAT(ReadSource(arguments), StatusIs(kDamaged, HasSubstr("data_batch_4.bin is empty")));
}

TEST(CifarSourceTest, ReadsTheCifar100ReleaseWithCoarseLabels) {
  const std::string root = FreshFolder("cifar100");
  PutFile(root + "/train.bin", "\x04\x30" + Planes(32, false));
  PutFile(root + "/test.bin", "\x01\x02" + Planes(32, false));
  PutFile(root + "/coarse_label_names.txt", "fish\nflowers\n");
  ASSERT_OK_AND_ASSIGN(const SourceContent content, ReadSource(root));
  EXPECT_EQ(content.layout, "cifar100");
  ASSERT_EQ(content.items.size(), 2);
  EXPECT_EQ(*content.items[0].label, 48);
  EXPECT_EQ(content.items[0].targets[0].name(), "coarse");
  EXPECT_EQ(content.items[0].targets[0].class_index(), 4);
  EXPECT_THAT(content.info.targets(0).classes(), ElementsAre("fish", "flowers"));
  ExpectTellingPixels(content.items[1].pixels, 32);
}

TEST(CifarSourceTest, ALabelThatIsNoClassIsRefusedUnlessClassesAreGiven) {
  const std::string root = FreshFolder("odd_labels");
  PutFile(root + "/data_batch_1.bin", "\x03" + Planes(32, false) + "\xc8" + Planes(32, false));
  EXPECT_THAT(ReadSource(root), StatusIs(kDamaged, HasSubstr("data_batch_1.bin: image 1 has the "
                                                             "label 200, and there are 10")));
  SourceArguments own;
  own.inputs = {{"", root}};
  for (int i = 0; i < 201; ++i) own.classes.push_back(absl::StrCat("class ", i));
  ASSERT_OK_AND_ASSIGN(const SourceContent content, ReadSource(own));
  EXPECT_EQ(*content.items[1].label, 200);

  const std::string coarse = FreshFolder("odd_coarse_labels");
  PutFile(coarse + "/train.bin", "\x14\x30" + Planes(32, false));
  PutFile(coarse + "/test.bin", "\x01\x02" + Planes(32, false));
  EXPECT_THAT(ReadSource(coarse), StatusIs(kDamaged, HasSubstr("the coarse label 20")));

  const std::string stl10 = FreshFolder("odd_stl10_labels");
  PutFile(stl10 + "/train_X.bin", Planes(96, true));
  PutFile(stl10 + "/train_y.bin", "\x0b");
  EXPECT_THAT(ReadSource(stl10), StatusIs(kDamaged, HasSubstr("image 0 has the label 10")));
}

TEST(Stl10SourceTest, ReadsColumnMajorPlanesLabelsFromOneAndTheUnlabeledSplit) {
  const std::string root = FreshFolder("stl10");
  const std::string folder = root + "/stl10_binary";
  PutFile(folder + "/train_X.bin", Planes(96, true) + Planes(96, true));
  PutFile(folder + "/train_y.bin", "\x01\x0a");
  PutFile(folder + "/unlabeled_X.bin", Planes(96, true));
  PutFile(folder + "/fold_indices.txt", "0 1\n");
  ASSERT_OK_AND_ASSIGN(const SourceContent content, ReadSource(root));
  EXPECT_EQ(content.layout, "stl10");
  EXPECT_THAT(content.splits, ElementsAre("train", "unlabeled"));
  ASSERT_EQ(content.items.size(), 3);
  EXPECT_EQ(*content.items[0].label, 0);
  EXPECT_EQ(*content.items[1].label, 9);
  EXPECT_FALSE(content.items[2].label.has_value());
  ExpectTellingPixels(content.items[0].pixels, 96);
  PutFile(folder + "/train_y.bin", "\x01");
  EXPECT_THAT(ReadSource(root), StatusIs(kDamaged, HasSubstr("2 images, but 1 labels")));
  PutFile(folder + "/train_y.bin", std::string("\x01\0", 2));
  EXPECT_THAT(ReadSource(root), StatusIs(kDamaged, HasSubstr("counts from 1")));
  ASSERT_OK(RemoveAll(folder + "/train_y.bin"));
  EXPECT_THAT(ReadSource(root), StatusIs(kBad, HasSubstr("labels")));
}

std::string IdxImages(int count, int height, int width) {
  std::string bytes("\0\0\x08\x03\0\0\0", 7);
  bytes += static_cast<char>(count);
  bytes += std::string("\0\0\0", 3) + static_cast<char>(height);
  bytes += std::string("\0\0\0", 3) + static_cast<char>(width);
  for (int i = 0; i < count * height * width; ++i) bytes += static_cast<char>(i % 251);
  return bytes;
}

std::string IdxLabels(const std::string& labels) {
  return std::string("\0\0\x08\x01\0\0\0", 7) + static_cast<char>(labels.size()) + labels;
}

TEST(IdxSourceTest, ReadsPlainAndGzippedFilesAsGrayPictures) {
  const std::string root = FreshFolder("mnist");
  PutFile(root + "/train-images-idx3-ubyte.gz", Gzip(IdxImages(2, 28, 28)));
  PutFile(root + "/train-labels-idx1-ubyte.gz", Gzip(IdxLabels("\x07\x02")));
  PutFile(root + "/t10k-images-idx3-ubyte", IdxImages(1, 28, 28));
  PutFile(root + "/t10k-labels-idx1-ubyte", IdxLabels("\x09"));
  ASSERT_OK_AND_ASSIGN(const SourceContent content, ReadSource(root));
  EXPECT_EQ(content.layout, "idx");
  EXPECT_THAT(content.splits, ElementsAre("train", "test"));
  ASSERT_EQ(content.items.size(), 3);
  EXPECT_EQ(*content.items[0].label, 7);
  EXPECT_EQ(*content.items[2].label, 9);
  const RgbImage& second = content.items[1].pixels;
  ASSERT_EQ(second.height, 28);
  for (int c = 0; c < 3; ++c) EXPECT_EQ(second.At(1, 2)[c], (784 + 28 + 2) % 251);
}

TEST(IdxSourceTest, OneOfTheTwoFilesMayBeUnpacked) {
  const std::string root = FreshFolder("idx_half");
  PutFile(root + "/train-images-idx3-ubyte", IdxImages(2, 4, 4));
  PutFile(root + "/train-labels-idx1-ubyte.gz", Gzip(IdxLabels("\x07\x02")));
  PutFile(root + "/t10k-images-idx3-ubyte.gz", Gzip(IdxImages(1, 4, 4)));
  PutFile(root + "/t10k-labels-idx1-ubyte", IdxLabels("\x09"));
  ASSERT_OK_AND_ASSIGN(const SourceContent content, ReadSource(root));
  ASSERT_EQ(content.items.size(), 3);
  EXPECT_EQ(content.items[1].label, 2);
  EXPECT_EQ(content.items[2].label, 9);
}

TEST(IdxSourceTest, AWordOfAFilesNameIsItsSplit) {
  const std::string root = FreshFolder("emnist");
  const auto put = [&](const std::string& name) {
    PutFile(absl::StrCat(root, "/", name, "-images-idx3-ubyte"), IdxImages(1, 2, 2));
    PutFile(absl::StrCat(root, "/", name, "-labels-idx1-ubyte"), IdxLabels("\x01"));
  };
  put("emnist-letters-test");
  put("emnist-letters-train");
  ASSERT_OK_AND_ASSIGN(const SourceContent content, ReadSource(root));
  EXPECT_THAT(content.splits, ElementsAre("train", "test"));
  EXPECT_THAT(content.items[1].key, HasSubstr("test/emnist-letters-test-images"));
  put("emnist-digits-train");
  EXPECT_THAT(ReadSource(root), StatusIs(kBad, AllOf(HasSubstr("emnist-digits-train"),
                                                     HasSubstr("are both the split 'train'"),
                                                     HasSubstr("--train="))));
  ASSERT_OK(RemoveAll(root));
  put("emnist-letters-train");
  put("emnist-other");
  EXPECT_THAT(ReadSource(root), StatusIs(kBad, HasSubstr("its name says no split")));
  ASSERT_OK(RemoveAll(root));
  put("other");
  ASSERT_OK_AND_ASSIGN(const SourceContent alone, ReadSource(root));
  EXPECT_THAT(alone.splits, ElementsAre("train"));
}

TEST(IdxSourceTest, FoldersThatAreCalledAsFilesAreLookedIntoWhereNoFileIs) {
  const std::string root = FreshFolder("kaggle");
  const auto put_in_folders = [&](const std::string& images, const std::string& labels) {
    PutFile(JoinPath(root, images) + "/" + images, IdxImages(2, 4, 4));
    PutFile(JoinPath(root, labels) + "/" + labels, IdxLabels("\x07\x02"));
  };
  put_in_folders("train-images-idx3-ubyte", "train-labels-idx1-ubyte");
  ASSERT_OK_AND_ASSIGN(const SourceContent folders, ReadSource(root));
  EXPECT_EQ(folders.layout, "idx");
  EXPECT_THAT(KeysAndLabels(folders), ElementsAre("train/train-images-idx3-ubyte/0=7",
                                                  "train/train-images-idx3-ubyte/1=2"));
  EXPECT_THAT(folders.sentences, ElementsAre());
  PutFile(root + "/train-images.idx3-ubyte", IdxImages(2, 4, 4));
  PutFile(root + "/train-labels.idx1-ubyte", IdxLabels("\x05\x06"));
  put_in_folders("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte");
  ASSERT_OK_AND_ASSIGN(const SourceContent both, ReadSource(root));
  EXPECT_THAT(KeysAndLabels(both),
              ElementsAre("train/train-images.idx3-ubyte/0=5", "train/train-images.idx3-ubyte/1=6",
                          "test/t10k-images-idx3-ubyte/0=7", "test/t10k-images-idx3-ubyte/1=2"));
  EXPECT_THAT(both.sentences,
              ElementsAre("2 files and folders that the layout does not read skipped: folder 2 "
                          "(train-images-idx3-ubyte, ...)"));
  // One that holds no such file is a folder as any other.
  const std::string other = FreshFolder("no_idx");
  PutFile(other + "/a-images-idx3-ubyte/0.png", FlatPng(1, 1, 1, 1, 1));
  ASSERT_OK_AND_ASSIGN(const SourceContent plain, ReadSource(other));
  EXPECT_EQ(plain.layout, "folder");
}

TEST(BinarySourceTest, WhatIsNotReadIsCountedAndNamed) {
  const std::string cifar = FreshFolder("cifar_beside");
  const std::string image = "\x03" + Planes(32, false);
  for (const char* name : {"data_batch_1.bin", "data_batch_1 (1).bin", "data_batch_6.bin"}) {
    PutFile(JoinPath(cifar, name), image);
  }
  for (const char* name : {"readme.html", "batches.meta.txt", ".DS_Store"}) {
    PutFile(JoinPath(cifar, name), "airplane\n");
  }
  SourceArguments arguments;
  arguments.inputs = {{"", cifar}};
  const auto sentences = [&](v1::DatasetLayout::Source layout) {
    arguments.tally = std::make_shared<Tally>();
    EXPECT_OK(ReadSource(arguments, layout).status());
    return arguments.tally->Sentences();
  };
  EXPECT_THAT(sentences(v1::DatasetLayout::CIFAR10),
              ElementsAre(HasSubstr("data_batch_2.bin, data_batch_3.bin"),
                          "3 files and folders that the layout does not read skipped: .bin 2, "
                          ".html 1 (data_batch_1 (1).bin, ...)",
                          "1 hidden files and leftovers of systems skipped (.DS_Store)"));

  const std::string cifar100 = FreshFolder("cifar100_beside");
  const std::string below = cifar100 + "/cifar-100-binary";
  for (const char* name : {"train.bin", "test.bin"}) {
    PutFile(JoinPath(below, name), "\x01" + image);
  }
  PutFile(below + "/fine_label_names.txt", "a\nb\nc\nd\n");
  PutFile(below + "/coarse_label_names.txt", "a\nb\n");
  PutFile(cifar100 + "/cifar-100-binary.tar.gz", "x");
  arguments.inputs = {{"", cifar100}};
  EXPECT_THAT(sentences(v1::DatasetLayout::CIFAR100),
              ElementsAre("1 files and folders that the layout does not read skipped "
                          "(cifar-100-binary.tar.gz)"));

  const std::string stl10 = FreshFolder("stl10_beside");
  PutFile(stl10 + "/train_X.bin", Planes(96, true));
  PutFile(stl10 + "/train_y.bin", "\x01");
  PutFile(stl10 + "/fold_indices.txt", "0\n");
  arguments.inputs = {{"", stl10}};
  EXPECT_THAT(sentences(v1::DatasetLayout::STL10),
              ElementsAre("1 files and folders that the layout does not read skipped "
                          "(fold_indices.txt)"));

  const std::string idx = FreshFolder("idx_beside");
  PutFile(idx + "/train-images-idx3-ubyte", IdxImages(1, 2, 2));
  PutFile(idx + "/train-labels-idx1-ubyte", IdxLabels("\x01"));
  PutFile(idx + "/photos/0.png", FlatPng(1, 1, 1, 1, 1));
  arguments.inputs = {{"", idx + "/"}};
  EXPECT_THAT(sentences(v1::DatasetLayout::IDX),
              ElementsAre("1 files and folders that the layout does not read skipped (photos)"));
}

TEST(IdxSourceTest, DamageIsNamed) {
  const std::string root = FreshFolder("bad_mnist");
  const std::string images = root + "/train-images-idx3-ubyte";
  const std::string labels = root + "/train-labels-idx1-ubyte";
  PutFile(labels, IdxLabels("\x07\x02"));
  PutFile(images, IdxImages(2, 28, 28).substr(0, 900));
  EXPECT_THAT(ReadSource(root),
              StatusIs(kDamaged, AllOf(HasSubstr(images), HasSubstr("2 images of 28x28"))));
  PutFile(images, "");
  EXPECT_THAT(ReadSource(root), StatusIs(kDamaged, HasSubstr("0 bytes are too few")));
  PutFile(images, IdxLabels(std::string(20, 'x')));
  EXPECT_THAT(ReadSource(root), StatusIs(kDamaged, HasSubstr("magic number is 2049, not 2051")));
  PutFile(images, IdxImages(3, 28, 28));
  EXPECT_THAT(ReadSource(root), StatusIs(kDamaged, HasSubstr("3 images, but 2 labels")));
  PutFile(labels, IdxLabels("\x07\x02\x01").substr(0, 10));
  EXPECT_THAT(ReadSource(root), StatusIs(kDamaged, HasSubstr("header says 3 labels")));
  ASSERT_OK(RemoveAll(labels));
  EXPECT_THAT(ReadSource(root), StatusIs(kBad, HasSubstr("are not beside it")));
  PutFile(root + "/train-images-idx3-ubyte", "");
  ASSERT_OK(RemoveAll(images));
  PutFile(images + ".gz", Gzip(IdxImages(9, 28, 28)).substr(0, 60));
  EXPECT_THAT(ReadSource(root), StatusIs(kDamaged, HasSubstr("ubyte.gz")));
}

TEST(IdxSourceTest, TheChecksumOfGzipIsCheckedAndWhatLiesBehindItSaid) {
  const std::string root = FreshFolder("gz_mnist");
  PutFile(root + "/train-images-idx3-ubyte.gz", Gzip(IdxImages(2, 28, 28)));
  const std::string labels = root + "/train-labels-idx1-ubyte.gz";
  const std::string packed = Gzip(IdxLabels("\x07\x02"));
  // The trailer: the checksum, then the length.
  for (const size_t from_end : {8, 1}) {
    std::string changed = packed;
    changed[changed.size() - from_end] ^= 1;
    PutFile(labels, changed);
    EXPECT_THAT(ReadSource(root), StatusIs(kDamaged, AllOf(HasSubstr("labels-idx1-ubyte.gz"),
                                                           HasSubstr("checksum"))));
  }
  PutFile(labels, packed + "more");
  ASSERT_OK_AND_ASSIGN(const SourceContent content, ReadSource(root));
  EXPECT_THAT(content.sentences, ElementsAre("train-labels-idx1-ubyte.gz: 4 bytes behind the "
                                             "compressed data are not read"));
}

}  // namespace
}  // namespace cassle
