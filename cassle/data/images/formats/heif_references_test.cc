#include "cassle/data/images/formats/heif_references.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cassle/base/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::HasSubstr;

constexpr absl::StatusCode kBad = absl::StatusCode::kDataLoss;

std::string Number(size_t size, uint64_t value) {
  std::string bytes(size, '\0');
  for (size_t i = size; i-- > 0; value >>= 8) bytes[i] = static_cast<char>(value & 0xff);
  return bytes;
}

std::string Box(absl::string_view type, absl::string_view content) {
  return absl::StrCat(Number(4, 8 + content.size()), type, content);
}

struct Item {
  uint32_t id;
  absl::string_view type;
};

struct Reference {
  absl::string_view type;
  uint32_t from;
  std::vector<uint32_t> to;
};

// `version` is that of the iref box: item numbers of 16 bits in 0, of 32 in 1.
std::string References(const std::vector<Reference>& references, int version = 0) {
  const size_t id_size = version == 0 ? 2 : 4;
  std::string boxes = Number(1, version) + Number(3, 0);
  for (const Reference& reference : references) {
    std::string content = Number(id_size, reference.from) + Number(2, reference.to.size());
    for (const uint32_t to : reference.to) content += Number(id_size, to);
    boxes += Box(reference.type, content);
  }
  return Box("iref", boxes);
}

std::string Types(const std::vector<Item>& items) {
  std::string boxes = Number(4, 0) + Number(2, items.size());
  for (const Item& item : items) {
    boxes += Box("infe", absl::StrCat(Number(1, 3), Number(3, 0), Number(4, item.id), Number(2, 0),
                                      item.type, Number(1, 0)));
  }
  return Box("iinf", boxes);
}

std::string Start() { return Box("ftyp", "heic" + Number(4, 0) + "mif1heic"); }

std::string File(const std::vector<Item>& items, const std::vector<Reference>& references,
                 int version = 0) {
  return Start() + Box("meta", Number(4, 0) + Types(items) + References(references, version)) +
         Box("mdat", "pixels");
}

// An item 1 that is made of 2, which is made of 3, and so on, and a coded picture at last.
std::string Chain(uint32_t steps) {
  std::vector<Item> items;
  std::vector<Reference> references;
  for (uint32_t id = 1; id <= steps; ++id) {
    items.push_back({id, "iden"});
    references.push_back({"dimg", id, {id + 1}});
  }
  items.push_back({steps + 1, "hvc1"});
  return File(items, references);
}

TEST(HeifReferencesTest, AGridWithAlphaAndAThumbnailPasses) {
  for (int version : {0, 1}) {
    EXPECT_THAT(CheckHeifReferences(File({{1, "grid"},
                                          {2, "hvc1"},
                                          {3, "hvc1"},
                                          {4, "grid"},
                                          {5, "hvc1"},
                                          {6, "hvc1"},
                                          {7, "hvc1"},
                                          {8, "Exif"}},
                                         {{"dimg", 1, {2, 3}},
                                          {"auxl", 4, {1}},
                                          {"dimg", 4, {5, 6}},
                                          {"thmb", 7, {1}},
                                          {"cdsc", 8, {1}}},
                                         version),
                                    1),
                IsOk());
  }
}

TEST(HeifReferencesTest, AGridOfAThousandTilesPasses) {
  std::vector<Item> items = {{1, "grid"}};
  Reference grid = {"dimg", 1, {}};
  for (uint32_t id = 2; id < 1002; ++id) {
    items.push_back({id, "hvc1"});
    grid.to.push_back(id);
  }
  EXPECT_THAT(CheckHeifReferences(File(items, {grid}), 1), IsOk());
}

TEST(HeifReferencesTest, AnItemThatIsMadeOfItselfIsRefused) {
  for (int version : {0, 1}) {
    EXPECT_THAT(
        CheckHeifReferences(File({{1, "hvc1"}, {2, "grid"}}, {{"dimg", 2, {1, 2}}}, version), 2),
        StatusIs(kBad, "its item 2 is made of itself"));
  }
}

TEST(HeifReferencesTest, TwoItemsThatAreMadeOfEachOtherAreRefused) {
  const std::string file = File({{1, "iden"}, {2, "grid"}, {3, "iden"}},
                                {{"dimg", 1, {2}}, {"dimg", 2, {3}}, {"dimg", 3, {2}}});
  EXPECT_THAT(CheckHeifReferences(file, 1), StatusIs(kBad, "its item 2 is made of itself"));
}

TEST(HeifReferencesTest, TwoItemsThatAreEachOthersAlphaAreRefused) {
  const std::string file = File({{1, "hvc1"}, {2, "hvc1"}}, {{"auxl", 1, {2}}, {"auxl", 2, {1}}});
  EXPECT_THAT(CheckHeifReferences(file, 1), StatusIs(kBad, "its item 1 is made of itself"));
}

TEST(HeifReferencesTest, ACycleThatThePrimaryItemDoesNotReachIsNoHindrance) {
  EXPECT_THAT(CheckHeifReferences(File({{1, "hvc1"}, {2, "iden"}}, {{"dimg", 2, {2}}}), 1), IsOk());
}

TEST(HeifReferencesTest, FourStepsPassAndFiveAreRefused) {
  EXPECT_THAT(CheckHeifReferences(Chain(4), 1), IsOk());
  EXPECT_THAT(CheckHeifReferences(Chain(5), 1),
              StatusIs(kBad, "its item 1 is made of others in more than 4 steps"));
  EXPECT_THAT(CheckHeifReferences(Chain(50000), 1), StatusIs(kBad, HasSubstr("4 steps")));
}

// Here 10^4 pictures to decode; with 65,535 references a level it would be 10^19.
TEST(HeifReferencesTest, ItemsThatMultiplyAreRefused) {
  const std::vector<uint32_t> twos(10, 2), threes(10, 3), fours(10, 4), fives(10, 5);
  const std::string file =
      File({{1, "grid"}, {2, "grid"}, {3, "grid"}, {4, "grid"}, {5, "hvc1"}},
           {{"dimg", 1, twos}, {"dimg", 2, threes}, {"dimg", 3, fours}, {"dimg", 4, fives}});
  EXPECT_THAT(CheckHeifReferences(file, 1),
              StatusIs(kBad, "its item 1 repeats others more than 64 times"));
}

TEST(HeifReferencesTest, APictureMayBeRepeatedSixtyFourTimes) {
  const auto repeated = [](size_t times) {
    return File({{1, "grid"}, {2, "hvc1"}}, {{"dimg", 1, std::vector<uint32_t>(1 + times, 2)}});
  };
  EXPECT_THAT(CheckHeifReferences(repeated(64), 1), IsOk());
  EXPECT_THAT(CheckHeifReferences(repeated(65), 1), StatusIs(kBad, HasSubstr("repeats")));
}

TEST(HeifReferencesTest, ATileWithATransparencyOfItsOwnIsRefused) {
  EXPECT_THAT(
      CheckHeifReferences(
          File({{1, "grid"}, {2, "hvc1"}, {3, "hvc1"}}, {{"dimg", 1, {2}}, {"auxl", 3, {2}}}), 1),
      StatusIs(kBad, "its tile 2 has a transparency of its own, which is not read"));
}

TEST(HeifReferencesTest, AnOverlayIsRefusedWhereverItStands) {
  EXPECT_THAT(CheckHeifReferences(File({{1, "iovl"}, {2, "hvc1"}}, {{"dimg", 1, {2}}}), 1),
              StatusIs(kBad, "its item 1 is an overlay, which is not read"));
  EXPECT_THAT(CheckHeifReferences(File({{1, "iden"}, {2, "iovl"}}, {{"dimg", 1, {2}}}), 1),
              StatusIs(kBad, "its item 2 is an overlay, which is not read"));
  EXPECT_THAT(CheckHeifReferences(File({{1, "hvc1"}, {2, "iovl"}}, {{"auxl", 2, {1}}}), 1),
              StatusIs(kBad, "its item 2 is an overlay, which is not read"));
  EXPECT_THAT(CheckHeifReferences(File({{1, "hvc1"}, {2, "iovl"}}, {{"dimg", 2, {1}}}), 1), IsOk());
}

TEST(HeifReferencesTest, APictureOfWhatIsNoneIsRefused) {
  for (const auto& items : std::vector<std::vector<Item>>{
           {{1, "iden"}, {2, "Exif"}}, {{1, "iden"}}, {{1, "iden"}, {2, "mime"}, {2, "hvc1"}}}) {
    EXPECT_THAT(CheckHeifReferences(File(items, {{"dimg", 1, {2}}}), 1),
                StatusIs(kBad, "its item 1 is made of item 2, which is no picture"));
  }
}

TEST(HeifReferencesTest, EveryIrefOfEveryMetaIsLookedAt) {
  const std::string types = Number(4, 0) + Types({{1, "iden"}, {2, "hvc1"}});
  const std::string good = References({{"dimg", 1, {2}}});
  const std::string bad = References({{"dimg", 1, {1}}});
  const auto itself = StatusIs(kBad, "its item 1 is made of itself");
  EXPECT_THAT(CheckHeifReferences(Start() + Box("meta", types + good + good), 1), IsOk());
  EXPECT_THAT(CheckHeifReferences(Start() + Box("meta", types + good + bad), 1), itself);
  const std::string good_meta = Box("meta", types + good);
  const std::string bad_meta = Box("meta", types + bad);
  EXPECT_THAT(CheckHeifReferences(Start() + good_meta + bad_meta, 1), itself);
  EXPECT_THAT(CheckHeifReferences(Start() + bad_meta + good_meta, 1), itself);
}

TEST(HeifReferencesTest, SizesOf64BitsAndToTheEndOfTheFileAreRead) {
  const std::string content = Number(4, 0) + Types({{1, "iden"}}) + References({{"dimg", 1, {1}}});
  const auto itself = StatusIs(kBad, "its item 1 is made of itself");
  const std::string large =
      Number(4, 1) + "meta" + Number(8, 16 + content.size()) + content + Box("free", "");
  EXPECT_THAT(CheckHeifReferences(Start() + large, 1), itself);
  EXPECT_THAT(CheckHeifReferences(Start() + Number(4, 0) + "meta" + content, 1), itself);
}

// libheif counts the items of a reference, whatever size its header says.
TEST(HeifReferencesTest, TheSizeOfAReferenceHidesNothing) {
  for (uint64_t size : {0, 3, 8, 13, 1000000}) {
    const std::string references = Number(4, 0) + Number(4, size) + "thmb" + Number(2, 2) +
                                   Number(2, 1) + Number(2, 1) + Number(4, size) + "dimg" +
                                   Number(2, 1) + Number(2, 9) + Number(2, 1);
    const std::string file =
        Start() + Box("meta", Number(4, 0) + Types({{1, "iden"}}) + Box("iref", references));
    EXPECT_THAT(CheckHeifReferences(file, 1), StatusIs(kBad, "its item 1 is made of itself"))
        << size;
  }
}

TEST(HeifReferencesTest, BoxesThatAreCutAreLeftToLibheif) {
  const std::string file = File({{1, "grid"}, {2, "hvc1"}, {3, "hvc1"}}, {{"dimg", 1, {2, 3}}});
  for (size_t size = 0; size <= file.size(); ++size) {
    EXPECT_THAT(CheckHeifReferences(file.substr(0, size), 1), IsOk()) << size;
  }
  const std::string no_size = Start() + Number(4, 7) + "meta" + file;
  EXPECT_THAT(CheckHeifReferences(no_size, 1), IsOk());
  const std::string endless = Start() + Number(4, 1) + "meta" + Number(8, ~uint64_t{0}) + file;
  EXPECT_THAT(CheckHeifReferences(endless, 1), IsOk());
}

}  // namespace
}  // namespace cassle
