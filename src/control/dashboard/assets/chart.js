// Round-trip times as a small chart. What is not answered is a hole in the line.

/* global uPlot */

const HEIGHT = 38;
const WIDTH = 170;
const charts = new Map();
let scales = { slowest: 50, oldest: 60_000 };
const dark = matchMedia("(prefers-color-scheme: dark)");

/** Draws the samples, or draws them anew; all charts have one scale, so that they can be compared. */
export function drawChart(host, samples, scale) {
  host.setAttribute("aria-label", words(samples));
  if (samples.length === 0) return;
  const data = [samples.map((it) => -it.ago_ms / 1000), samples.map((it) => it.rtt_ms)];
  scales = scale;
  const chart = charts.get(host) ?? make(host, data);
  chart.setData(data);
}

/** Forgets the chart of a row that is gone. */
export function dropChart(host) {
  charts.get(host)?.destroy();
  charts.delete(host);
}

function make(host, data) {
  const colour = getComputedStyle(host).color;
  const chart = new uPlot({
    width: WIDTH, height: HEIGHT, pxAlign: false, padding: [3, 3, 3, 3],
    cursor: { show: false }, legend: { show: false },
    axes: [{ show: false }, { show: false }],
    scales: {
      x: { time: false, range: () => [-scales.oldest / 1000, 0] },
      y: { range: () => [0, scales.slowest * 1.05] },
    },
    series: [{}, { stroke: colour, width: 1.5, spanGaps: false, points: { show: true, size: 3.5, fill: colour } }],
  }, data, host);
  charts.set(host, chart);
  return chart;
}

function words(samples) {
  const answered = samples.filter((it) => it.rtt_ms !== null).map((it) => it.rtt_ms);
  const silent = samples.length - answered.length;
  if (samples.length === 0) return "not probed lately";
  const range = answered.length === 0 ? "no answer"
    : `${answered.length} measured, ${Math.min(...answered).toFixed(0)} to ${Math.max(...answered).toFixed(0)} ms`;
  return silent > 0 && answered.length > 0 ? `${range}, ${silent} without an answer` : range;
}

// The line is drawn in the colour of the text: other colours, another chart.
dark.addEventListener("change", () => {
  for (const [host, chart] of charts) {
    const data = chart.data;
    chart.destroy();
    make(host, data);
  }
});
