// The style sheet of report.html: system fonts, light and dark, nothing from the network.
#ifndef CASSLE_EVAL_REPORT_STYLE_H_
#define CASSLE_EVAL_REPORT_STYLE_H_

namespace cassle {

inline constexpr char kReportStyle[] = R"css(
:root {
  color-scheme: light dark;
  --page: #fcfcfb; --card: #ffffff; --ink: #16150f; --soft: #5d5b55; --rule: #e3e1da;
  --tint: #1f6fd012;
  --c1: #2a78d6; --c2: #d9541e; --c3: #12936a; --c4: #b07a00;
  --c5: #cf4f86; --c6: #3b7d1d; --c7: #5a49b8; --c8: #c23434;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #171715; --card: #1f1f1d; --ink: #f1efe8; --soft: #aaa79e; --rule: #383733;
    --tint: #5598e724;
    --c1: #5598e7; --c2: #ec7a4b; --c3: #2fb78b; --c4: #d7a12b;
    --c5: #e27ba8; --c6: #74b553; --c7: #a197ee; --c8: #e67070;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 2.5rem 1.5rem 4rem; max-width: 68rem; background: var(--page);
  color: var(--ink); font: 16px/1.55 system-ui, -apple-system, "Segoe UI", sans-serif;
}
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .4rem; }
h2 { font-size: 1.15rem; margin: 2.8rem 0 .5rem; }
h3 { font-size: 1rem; margin: 0 0 .3rem; }
p { max-width: 46rem; margin: .3rem 0 1rem; color: var(--soft); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .42rem .9rem; text-align: right; white-space: nowrap; }
th { font-weight: 600; color: var(--soft); font-size: .88rem; }
th:first-child, td:first-child { text-align: left; padding-left: .2rem; }
thead th { border-bottom: 1.5px solid var(--soft); vertical-align: bottom; }
tbody td { border-bottom: 1px solid var(--rule); }
.result { font-size: 1.05rem; min-width: 32rem; }
.result tbody tr:hover, .small tbody tr:hover { background: var(--tint); }
td.best { font-weight: 700; }
td .spread { color: var(--soft); font-weight: 400; font-size: .85em; }
tr.chance td { color: var(--soft); font-style: italic; border-bottom: none; }
.swatch { display: inline-block; width: .8rem; height: .8rem; border-radius: 3px;
  margin-right: .5rem; vertical-align: -.06rem; }
.legend { display: flex; flex-wrap: wrap; gap: .3rem 1.4rem; margin: 0 0 1rem; padding: 0;
  list-style: none; font-size: .92rem; }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(21rem, 1fr)); gap: 1rem; }
figure { margin: 0; padding: .9rem .9rem .5rem; background: var(--card);
  border: 1px solid var(--rule); border-radius: 8px; }
.chart { display: block; width: 100%; height: auto; font-size: 12px; }
.grid { stroke: var(--rule); stroke-width: 1; }
.tick, .axis { fill: var(--soft); }
.series { fill: none; stroke-width: 2; stroke-linejoin: round; }
.dashed { stroke-dasharray: 5 4; }
.mark { stroke: var(--card); stroke-width: 2; }
.hit { fill: transparent; }
.hit:hover { fill: var(--soft); fill-opacity: .35; }
details { margin: .5rem 0; border: 1px solid var(--rule); border-radius: 8px;
  background: var(--card); padding: .5rem .9rem; }
summary { cursor: pointer; font-weight: 600; font-size: .95rem; }
.small { font-size: .88rem; margin: .6rem 0; }
code, pre { font-family: ui-monospace, "DejaVu Sans Mono", Menlo, monospace; font-size: .8rem; }
pre { margin: .5rem 0; overflow-x: auto; color: var(--soft); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1.2rem; margin: .6rem 0;
  font-size: .88rem; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
.warning { color: var(--c2); font-size: .88rem; }
)css";

}  // namespace cassle

#endif  // CASSLE_EVAL_REPORT_STYLE_H_
