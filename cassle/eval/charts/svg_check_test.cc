#include "cassle/eval/charts/svg_check.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/eval/reporting/report_testutil.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::HasSubstr;

std::string Svg(const std::string& inside, const std::string& attributes = "") {
  return absl::StrCat("<svg xmlns=\"http://www.w3.org/2000/svg\" ", attributes, ">", inside,
                      "</svg>");
}

TEST(SvgCheckTest, PicturesPass) {
  EXPECT_OK(CheckSvg(MadeUpSvg()));
  EXPECT_OK(
      CheckSvg(Svg("<!-- a > b --><defs><linearGradient id='g'><stop offset=\"0\"/>"
                   "</linearGradient></defs><rect fill=\"url(#g)\" width=\"3\"/>"
                   "<use href=\"#a\"/><text>on &lt;load&gt; 5 &gt; 3</text>")));
  EXPECT_OK(CheckSvg(Svg("<style>.a { fill: url('#g'); }</style>")));
  EXPECT_OK(
      CheckSvg(Svg("<style><!-- old -->.a{fill:red}</style ><text>u</text><style/>"
                   "<text>@import</text><style>.b{fill:blue}</style>")));
}

TEST(SvgCheckTest, WhatIsMoreThanAPictureIsRefused) {
  for (const std::string& svg : {Svg("<script>alert(1)</script>"),
                                 Svg("<SCRIPT/>"),
                                 Svg("<svg:script/>"),
                                 Svg("<foreignObject/>"),
                                 Svg("<image href=\"a.png\"/>"),
                                 Svg("<a href=\"#x\"/>"),
                                 Svg("<set attributeName=\"onload\"/>"),
                                 Svg("<animate/>"),
                                 Svg("", "onload=\"x()\""),
                                 Svg("", "ONLOAD='x()'"),
                                 Svg("<use href=\"http://a/b.svg#c\"/>"),
                                 Svg("<use xlink:href=\"data:image/svg+xml,x\"/>"),
                                 Svg("<g style=\"fill:url(http://a)\"/>"),
                                 Svg("<g style=\"fill:u&#114;l(x)\"/>"),
                                 Svg("<g style=\"fill:u\\72l(x)\"/>"),
                                 Svg("<style>@import 'x.css';</style>"),
                                 Svg("<style>a{fill:url( 'x' )}</style>"),
                                 Svg("<style>a{fill:URL(x)}</style>"),
                                 Svg("<style><!-- x -->@import url(http://evil);</style>"),
                                 Svg("<style>@im<!-- x -->port 'x.css';</style>"),
                                 Svg("<style>a{}<g/>@import 'x.css';</style>"),
                                 Svg("<style>a{}</g>@import 'x.css';</style>"),
                                 Svg("<style>a{fill:u&#114;l(x)}</style>"),
                                 Svg("<svg:style>@import 'x.css';</svg:style>"),
                                 Svg("<style/><style>@import 'x.css';"),
                                 Svg("<text>\xc3</text>"),
                                 Svg("<rect fill=\"javascript:x\"/>"),
                                 Svg("<g a='>' onclick='x'/>"),
                                 Svg("<g a=b onclick=x/>"),
                                 Svg("<g a onclick='x'/>"),
                                 Svg("<g a/onclick='x'/>"),
                                 Svg("<style>svg{background:image-set('//a/b.png' 1x)}</style>"),
                                 Svg("<style>svg{background:src('//a/b.png')}</style>"),
                                 Svg("<![CDATA[<script>]]>"),
                                 Svg("<?xml-stylesheet href='x'?>"),
                                 absl::StrCat("<!DOCTYPE svg [<!ENTITY a 'b'>]>", Svg("")),
                                 absl::StrCat("<g>", Svg(""), "</g>"),
                                 std::string("no picture"),
                                 std::string(""),
                                 std::string("<svg"),
                                 std::string("<svg a=\"b>"),
                                 Svg("<!-- open")}) {
    const absl::Status status = CheckSvg(svg);
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << svg;
    EXPECT_THAT(std::string(status.message()), HasSubstr("refused")) << svg;
  }
}

}  // namespace
}  // namespace cassle
