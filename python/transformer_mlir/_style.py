"""The style sheet of report.html. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception"""

CSS = """
:root { color-scheme: light dark;
  --page: #f6f7f9; --card: #ffffff; --ink: #17202c; --soft: #5b6675; --rule: #dfe3e9; --accent: #1f5fd0; --wash: #eef3fd;
  --good: #12805c; --bad: #b3402a; --c0: #1f5fd0; --c1: #e07b29; --c2: #12805c; --c3: #9b4fc0; --c4: #c23b5e; --c5: #2a98b0;
  --c6: #8a7a1f; --c7: #6b7280; }
@media (prefers-color-scheme: dark) { :root {
  --page: #10151c; --card: #18202a; --ink: #e8edf3; --soft: #9aa7b6; --rule: #2c3745; --accent: #7aa8ff; --wash: #1d2a40;
  --good: #4cc79a; --bad: #f0886f; --c0: #7aa8ff; --c1: #f2a25c; --c2: #4cc79a; --c3: #c794e6; --c4: #f0809c; --c5: #68c6da;
  --c6: #cdbb55; --c7: #9aa7b6; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); -webkit-text-size-adjust: 100%;
  font: 15px/1.55 "Inter", "Segoe UI", system-ui, -apple-system, "Helvetica Neue", "DejaVu Sans", Arial, sans-serif; }
main { max-width: 1020px; margin: 0 auto; padding: 40px 28px 64px; }
header { margin-bottom: 26px; }
.brand { color: var(--soft); font-size: 13px; letter-spacing: .04em; margin: 0 0 6px; }
h1 { font-size: 30px; line-height: 1.2; letter-spacing: -.01em; margin: 0 0 6px; overflow-wrap: anywhere; }
h2 { font-size: 19px; margin: 0 0 4px; }
h3 { font-size: 15px; margin: 22px 0 6px; }
p { margin: 0 0 12px; } .note, figcaption { color: var(--soft); font-size: 13.5px; }
code, .path { font: 12.5px/1.5 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(205px, 1fr)); gap: 14px; margin: 0 0 20px; }
.card, section { background: var(--card); border: 1px solid var(--rule); border-radius: 12px; }
.card { padding: 16px 18px; } .card.first { background: var(--wash); border-color: transparent; }
.card .what { color: var(--soft); font-size: 13px; } .card .number { font-size: 29px; font-weight: 650; line-height: 1.25;
  letter-spacing: -.015em; font-variant-numeric: tabular-nums; } .card .more { color: var(--soft); font-size: 13px; }
section { padding: 22px 24px; margin: 0 0 20px; }
figure { margin: 14px 0 4px; } svg { display: block; width: 100%; height: auto; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 13.5px; font-variant-numeric: tabular-nums; margin: 10px 0 4px; }
th { text-align: left; color: var(--soft); font-weight: 550; border-bottom: 1px solid var(--rule); padding: 5px 10px 5px 0; vertical-align: bottom; }
td { border-bottom: 1px solid var(--rule); padding: 5px 10px 5px 0; vertical-align: top; } tr:last-child td { border-bottom: 0; }
.r { text-align: right; white-space: nowrap; padding-right: 22px; } .r:last-child { padding-right: 4px; } td.path, td code { white-space: nowrap; overflow-wrap: normal; }
tr.total td { font-weight: 650; border-top: 1px solid var(--soft); }
.tag { font-size: 11.5px; font-weight: 600; } .passed { color: var(--good); } .missed, .failure { color: var(--bad); } .analysis { color: var(--soft); }
details { border-top: 1px solid var(--rule); padding: 8px 0; } summary { cursor: pointer; font-weight: 600; }
summary span { font-weight: 400; color: var(--soft); }
dl { display: grid; grid-template-columns: 190px 1fr; gap: 6px 16px; margin: 10px 0 0; font-size: 13.5px; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; font-size: 12.5px; color: var(--soft); margin: 4px 0 0; padding: 0; list-style: none; }
.legend i { display: inline-block; width: 11px; height: 11px; border-radius: 2px; margin-right: 6px; }
svg text { font: 11.5px "Inter", "Segoe UI", system-ui, -apple-system, "DejaVu Sans", Arial, sans-serif; fill: var(--ink); }
svg .value, svg .axis { fill: var(--soft); font-size: 11px; } svg .strong { font-weight: 650; }
svg .grid { stroke: var(--rule); } svg .line { fill: none; stroke-width: 1.8; stroke-linejoin: round; }
svg .point { fill: var(--card); stroke: var(--c0); stroke-width: 1.8; } svg .chosen { fill: var(--c1); }
svg .whisker { stroke: var(--c0); stroke-width: 2; }
""" + "".join(f".f{i} {{ fill: var(--c{i}); background: var(--c{i}); }} .s{i} {{ stroke: var(--c{i}); }}\n" for i in range(8)) + """
footer { color: var(--soft); font-size: 13px; }
@media (max-width: 640px) { main { padding: 22px 14px; } section { padding: 18px 14px; } dl { grid-template-columns: 1fr; gap: 0; }
  dd { margin-bottom: 8px; } figure { overflow-x: auto; } figure svg { min-width: 560px; } .r { padding-right: 12px; }
  td.path, td code { white-space: normal; overflow-wrap: anywhere; } td.path { min-width: 150px; } td:not(.r, .path, .e):last-child { min-width: 165px; }
  /* A shade at an edge behind which there is more. */
  figure, .scroll { background: linear-gradient(90deg, var(--card) 30%, transparent) left / 40px 100% no-repeat local,
    linear-gradient(270deg, var(--card) 30%, transparent) right / 40px 100% no-repeat local,
    linear-gradient(90deg, rgba(90, 100, 120, .35), transparent) left / 12px 100% no-repeat scroll,
    linear-gradient(270deg, rgba(90, 100, 120, .35), transparent) right / 12px 100% no-repeat scroll; }
  /* What a row means goes below it. */
  tr:has(> .e) { display: grid; grid-template-columns: 8.8em 5em 1fr; border-bottom: 1px solid var(--rule); padding: 5px 0; }
  tr:has(> .e) > * { border: 0; padding-top: 0; padding-bottom: 0; } th.e { display: none; } td.e { grid-column: 1 / -1; color: var(--soft); } }
@media print { :root { --page: #fff; --card: #fff; --ink: #000; --soft: #444; --rule: #ccc; --wash: #fff; --c0: #1f5fd0; --c1: #e07b29;
  --accent: #1f5fd0; --good: #12805c; --bad: #b3402a; color-scheme: light; }
  body { font-size: 11pt; } main { max-width: none; padding: 0; } section, .card { border-radius: 0; } h1 { font-size: 22pt; }
  .cards { grid-template-columns: repeat(4, 1fr); gap: 8px; } .card { padding: 10px 12px; } .card .number { font-size: 17pt; }
  td.path { white-space: normal; overflow-wrap: anywhere; min-width: 150px; } table, dl { font-size: 9.5pt; } code, .path { font-size: 8.5pt; }
  .cards, figure, tr, .card { break-inside: avoid; } h2, h3, summary, section > .note, thead { break-after: avoid; } .scroll { overflow: visible; }
  details::details-content { display: block; content-visibility: visible; height: auto; } @page { margin: 14mm; } }
"""
