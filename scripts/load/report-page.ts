/** The frame of the report: its style and the script that reads values off the charts. */

export const STYLE = `
:root{color-scheme:light dark;--page:#f7f7f5;--card:#fff;--ink:#14140f;--soft:#5c5b55;
--edge:#dedcd4;
--good:#0a7d0a;--bad:#c22f2f;--s1:#2a78d6;--s2:#d9541e;--s3:#118a5c;--s4:#7a5bd0;--band:#e9b00033}
@media(prefers-color-scheme:dark){:root{--page:#12120f;--card:#1c1c19;--ink:#f4f3ee;--soft:#aeada4;
--edge:#3a3934;--good:#45c945;--bad:#ff7b72;--s1:#5ba2f2;--s2:#f28a5c;--s3:#3cc894;--s4:#ab95f0;
--band:#e9b0002b}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{max-width:1180px;margin:0 auto;padding:24px 16px 48px}
h1{margin:0;font-size:26px;line-height:1.25;overflow-wrap:anywhere}
h2{font-size:17px;margin:32px 0 10px}
.question{margin:4px 0 12px;color:var(--soft);font-size:17px}
.verdict{display:inline-block;border-radius:6px;padding:3px 10px;font-weight:600;border:1.5px solid}
.note{border-left:3px solid #c98500;padding:8px 12px;margin:12px 0;background:#c985001a}
.verdict.good{color:var(--good)}.verdict.bad{color:var(--bad)}
.facts{color:var(--soft);margin:10px 0 0;font-size:13px;overflow-wrap:anywhere}
.complaints{margin:12px 0 0;padding-left:20px;color:var(--bad)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:10px}
.tile{background:var(--card);border:1px solid var(--edge);border-radius:8px;padding:10px 14px}
.tile b{display:block;font-size:22px;font-weight:600;line-height:1.3;white-space:nowrap}
.tile span{color:var(--soft);font-size:13px}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,460px),1fr));gap:12px}
.chart{margin:0;background:var(--card);border:1px solid var(--edge);border-radius:8px;padding:12px}
.unit{color:var(--soft);font-size:13px}
.legend{display:flex;flex-wrap:wrap;gap:2px 14px;font-size:13px;margin:2px 0 6px;min-height:20px}
.key i{display:inline-block;width:14px;height:3px;margin-right:6px;vertical-align:middle}
.key i.b{height:12px;background:var(--band)}
i.s1{background:var(--s1)}i.s2{background:var(--s2)}i.s3{background:var(--s3)}
i.s4{background:var(--s4)}
.plot{position:relative}
svg{display:block;width:100%;height:auto;overflow:visible}
.grid{stroke:var(--edge);stroke-width:1}.band{fill:var(--band)}
.tick{fill:var(--soft);font-size:11px;font-variant-numeric:tabular-nums}
.line{fill:none;stroke-width:1.8;stroke-linejoin:round}
.line.s1{stroke:var(--s1)}.line.s2{stroke:var(--s2)}.line.s3{stroke:var(--s3)}
.line.s4{stroke:var(--s4)}
.cross{stroke:var(--soft);stroke-width:1;visibility:hidden}
output{position:absolute;top:0;left:0;display:none;background:var(--card);
border:1px solid var(--edge);
border-radius:6px;padding:4px 8px;font-size:12px;pointer-events:none;white-space:pre;
line-height:1.45}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;background:var(--card);border:1px solid var(--edge)}
th,td{text-align:left;padding:6px 12px;border-bottom:1px solid var(--edge);font-size:14px}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
td.good,td.bad{white-space:nowrap}
.good{color:var(--good)}.bad{color:var(--bad)}
@media(max-width:600px){.tick{font-size:17px}th,td{padding:6px 8px}.tile b{font-size:20px}}
`;

/** Shows what a chart has at the place of the pointer; without it the charts stand all the same. */
export const SCRIPT = `
for (const chart of document.querySelectorAll(".chart")) {
  const { atS, lines, text } = JSON.parse(chart.querySelector("script").textContent);
  const [plot, cross, box] = [".plot", ".cross", "output"].map((name) => chart.querySelector(name));
  const { left, right, end } = chart.dataset;
  const width = chart.querySelector("svg").viewBox.baseVal.width;
  plot.addEventListener("pointerleave", () => {
    box.style.display = "none";
    cross.style.visibility = "hidden";
  });
  plot.addEventListener("pointermove", (event) => {
    const area = plot.getBoundingClientRect();
    const share = (event.clientX - area.left) / area.width;
    const second = ((share - left) / (right - left)) * end;
    const index = atS.reduce((best, at, i) =>
      Math.abs(at - second) < Math.abs(atS[best] - second) ? i : best, 0);
    const x = (Number(left) + (atS[index] / end) * (right - left)) * width;
    cross.setAttribute("x1", x);
    cross.setAttribute("x2", x);
    cross.style.visibility = "visible";
    box.textContent = [Math.round(atS[index]) + " s",
      ...lines.map(({ name }, i) => name + ": " + text[i][index])].join("\\n");
    box.style.display = "block";
    const isRight = share > 0.5;
    box.style.left = isRight ? "auto" : share * 100 + 2 + "%";
    box.style.right = isRight ? (1 - share) * 100 + 2 + "%" : "auto";
  });
}
`;
