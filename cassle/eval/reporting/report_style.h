// The style sheet of report.html: system fonts, light and dark, nothing from the network.
#ifndef CASSLE_EVAL_REPORTING_REPORT_STYLE_H_
#define CASSLE_EVAL_REPORTING_REPORT_STYLE_H_

namespace cassle {

inline constexpr char kReportStyle[] = R"css(
:root {
  color-scheme: light dark;
  --page: #fcfcfb; --card: #ffffff; --ink: #16150f; --soft: #5d5b55; --rule: #e3e1da;
  --tint: #1f6fd012;
  /* The first four after Okabe and Ito, darkened for a white page; all are told apart without red
     and green (report_style_test). */
  --c1: #0072b2; --c2: #d55e00; --c3: #00896a; --c4: #b64d8c;
  --c5: #b4783c; --c6: #828cb4; --c7: #6e50c8; --c8: #505050;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #171715; --card: #1f1f1d; --ink: #f1efe8; --soft: #aaa79e; --rule: #383733;
    --tint: #5598e724;
    --c1: #4aa8e8; --c2: #f2803a; --c3: #2cc09a; --c4: #e08cc0;
    --c5: #f0be3c; --c6: #a0d2f0; --c7: #828cfa; --c8: #d2c8c8;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 2.5rem 1.5rem 4rem; max-width: 68rem; background: var(--page);
  color: var(--ink); font: 16px/1.55 system-ui, -apple-system, "Segoe UI", sans-serif;
}
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .4rem; }
h2 { font-size: 1.15rem; margin: 2.8rem 0 .5rem; }
h3 { font-size: 1rem; margin: 1.6rem 0 .4rem; }
h4 { font-size: .95rem; margin: 0 0 .3rem; }
h1, h2, h3, h4, p, li, summary, dd { overflow-wrap: anywhere; }
nav ul { display: flex; flex-wrap: wrap; gap: .3rem 1.3rem; margin: 1rem 0 0; padding: 0;
  list-style: none; font-size: .92rem; }
a { color: var(--c1); }
section { scroll-margin-top: 1rem; }
p { max-width: 46rem; margin: .3rem 0 1rem; color: var(--soft); }
p.news { margin: .2rem 0; font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .42rem .9rem; text-align: right; }
td { white-space: nowrap; }
th { font-weight: 600; color: var(--soft); font-size: .88rem; }
th:first-child, td:first-child { text-align: left; padding-left: .2rem; white-space: normal;
  overflow-wrap: anywhere; min-width: 13rem; }
thead th { border-bottom: 1.5px solid var(--soft); vertical-align: bottom; }
tbody td { border-bottom: 1px solid var(--rule); }
tbody th { border-bottom: 1px solid var(--rule); }
.result { font-size: 1.05rem; }
.long { font-size: .92rem; }
.long th, .long td { padding-top: .2rem; padding-bottom: .2rem; }
.dense { font-size: .8rem; }
.dense th, .dense td { padding: .25rem .45rem; }
.dense th { font-size: inherit; }
.dense th:first-child, .dense td:first-child { min-width: 6rem; }
.result tbody tr:hover { background: var(--tint); }
td.best { font-weight: 700; }
td .spread { color: var(--soft); font-weight: 400; font-size: .85em; }
td.chance { color: var(--soft); font-style: italic; }
.swatch { display: inline-block; width: .8rem; height: .8rem; border-radius: 3px;
  margin-right: .5rem; vertical-align: -.06rem; background: currentColor; }
.swatch.dashed { background: none; border: 2px dashed; }
.legend { display: flex; flex-wrap: wrap; gap: .3rem 1.4rem; margin: 0 0 1rem; padding: 0;
  list-style: none; font-size: .92rem; }
.charts { display: grid; gap: 1rem;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 21rem), 1fr)); }
.charts.maps { grid-template-columns: repeat(auto-fill, minmax(min(100%, 30rem), 1fr)); }
.charts figure { overflow-x: auto; }
.chart-groups { display: grid; column-gap: 2rem;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 28rem), 1fr)); }
.chart-groups > .all { grid-column: 1 / -1; min-width: 0; }
.chart-groups > .alone { display: flex; flex-direction: column; min-width: 0; }
.chart-groups > .alone .charts { display: block; margin-top: auto; }
.charts .wide { grid-column: 1 / -1; }
.pictures { display: grid; gap: 1rem; margin-top: 1rem;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 30rem), 1fr)); }
.pictures figure:only-child { grid-column: 1 / -1; }
.picture { display: block; max-width: 100%; height: auto; margin: 0 auto; background: #fff; }
figure { margin: 0; min-width: 0; padding: .9rem .9rem .5rem; background: var(--card);
  border: 1px solid var(--rule); border-radius: 8px; }
/* --units is the width of the view box. Type of 12 units stays between 9 and 16 px. */
.chart { display: block; width: 100%; height: auto; font-size: 12px; margin: 0 auto;
  min-width: calc(var(--units) * .75px); max-width: calc(var(--units) * 1.35px); }
.grid { stroke: var(--rule); stroke-width: 1; }
.tick, .axis { fill: var(--soft); }
.series { fill: none; stroke-width: 2; stroke-linejoin: round; }
.band { fill-opacity: .16; }
.dashed { stroke-dasharray: 5 4; }
rect.dashed, .mark.dashed { fill-opacity: .25; stroke-width: 1.5; stroke-dasharray: 3 2; }
.hollow.dashed { stroke-dasharray: 3 2; }
.base { stroke: var(--soft); stroke-width: 1; }
.cell { font-size: 10px; }
.mark { stroke: var(--card); stroke-width: 2; }
.hollow { fill: var(--card); stroke-width: 2; }
.whisker { stroke-width: 2; }
.unsure { stroke-width: .8; }
.hit { fill: transparent; }
.hit:hover { fill: var(--soft); fill-opacity: .35; }
details { margin: .5rem 0; border: 1px solid var(--rule); border-radius: 8px;
  background: var(--card); padding: .5rem .9rem; }
summary { cursor: pointer; font-weight: 600; font-size: .95rem; }
code, pre { font-family: ui-monospace, "DejaVu Sans Mono", Menlo, monospace; font-size: .8rem; }
pre { margin: .5rem 0; overflow-x: auto; color: var(--soft); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1.2rem; margin: .6rem 0;
  font-size: .88rem; }
dt { color: var(--soft); } dd { margin: 0; }
.warning { color: var(--ink); font-size: .88rem; border-left: 3px solid var(--c2);
  padding-left: .6rem; }
@media (max-width: 40rem) { body { padding: 1.2rem .8rem 3rem; } th, td { padding: .4rem .5rem; } }
@media print {
  :root { --page: #fff; --card: #fff; --ink: #000; --soft: #444; --rule: #ccc; }
  body { max-width: none; padding: 0; font-size: 11pt; }
  nav { display: none; }
  figure, tr, details { break-inside: avoid; }
  h2, h3, h4 { break-after: avoid; }
  .scroll, .charts figure { overflow: visible; }
  .chart { min-width: 0; }
}
)css";

}  // namespace cassle

#endif  // CASSLE_EVAL_REPORTING_REPORT_STYLE_H_
