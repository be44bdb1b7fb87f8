"use strict";
// The page of `gradc train --report`. `data` is what inspect/training_report.cpp writes.

const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const dark = () => matchMedia("(prefers-color-scheme: dark)").matches;
const colors = () => dark() ? ["#6cb0ff", "#ffab6b", "#7fd08a", "#e08bd0"] : ["#0b63ce", "#d1570b", "#1f8a3b", "#a03a92"];

function add(tag, parent, text, className) {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  if (className) element.className = className;
  parent.appendChild(element);
  return element;
}

const percent = (share) => (100 * share).toFixed(share === 1 ? 0 : 1) + " %";
const whole = (number) => Math.round(number).toLocaleString("en");
const isShare = (name) => /^(val_)?(acc|accuracy)$/.test(name);

function section(title, note) {
  const part = add("section", document.getElementById("page"));
  add("h2", part, title);
  if (note) add("p", part, note, "note");
  return part;
}

/** Means over neighbouring points, as far as half a width to both sides. */
function smooth(values, width) {
  const result = [];
  for (let i = 0; i < values.length; ++i) {
    let sum = 0, count = 0;
    for (let j = Math.max(0, i - width); j <= Math.min(values.length - 1, i + width); ++j)
      if (values[j] !== null) { sum += values[j]; ++count; }
    result.push(count ? sum / count : null);
  }
  return result;
}

function chart(parent, title, x, xName, series, fromZero) {
  const host = add("div", parent), axis = {stroke: style("--faint"), grid: {stroke: style("--line"), width: 1}, ticks: {stroke: style("--line")}};
  const shares = series.every((each) => each.share), one = x.length < 30;
  const plot = new uPlot({
    title, width: host.clientWidth || 560, height: 260,
    scales: {x: {time: false}, ...(fromZero ? {y: {range: (u, least, most) => [0, 1.05 * (most || 1)]}} : {})},
    axes: [{...axis, label: xName, labelSize: 22, values: (u, ticks) => ticks.map((v) => Number.isInteger(v) ? v.toLocaleString("en") : "")}, {...axis, size: 70, values: (u, ticks) => ticks.map((v) => shares ? Math.round(100 * v) + " %" : Number(v.toPrecision(6)).toLocaleString("en"))}],
    series: [{label: xName}, ...series.map((each, i) => ({
      label: each.name, stroke: each.faint ? colors()[each.color] + "55" : colors()[each.color ?? i], width: each.faint ? 1 : 2, points: {show: one, size: 6}, spanGaps: true,
      value: (u, v) => v === null ? "" : each.share ? percent(v) : Number(v.toPrecision(4)).toString(),
    }))],
  }, [x, ...series.map((each) => each.values)], host);
  plots.push([plot, host]);
}

let plots = [];
addEventListener("resize", () => { for (const [plot, host] of plots) plot.setSize({width: host.clientWidth, height: 260}); });

function fact(parent, value, name) {
  const part = add("div", parent);
  add("b", part, value);
  add("span", part, name);
}

function drawHead() {
  const page = document.getElementById("page");
  add("h1", page, data.title);
  add("p", page, `${data.optimizer}, ${data.loss}, batches of ${data.batchSize}${data.finished ? "" : "; training has not ended"}`, "note");
  const facts = add("div", page, undefined, "facts");
  const {steps, epochs} = data, last = steps.step.length - 1, lastEpoch = epochs.step.length - 1;
  for (const name of Object.keys(epochs)) {
    if (name === "step" || name === "seconds" || lastEpoch < 0) continue;
    const value = epochs[name][lastEpoch];
    if (value !== null) fact(facts, isShare(name) ? percent(value) : Number(value.toPrecision(4)), name);
  }
  fact(facts, whole(data.trainable + data.frozen), "params");
  if (last >= 0) {
    fact(facts, whole(steps.step[last]), "steps");
    fact(facts, whole(steps.step[last] * data.batchSize / steps.seconds[last]), "images a second");
    fact(facts, steps.seconds[last] < 100 ? steps.seconds[last].toFixed(1) + " s" : whole(steps.seconds[last] / 60) + " min", "in training steps");
  }
}

function drawCharts() {
  const {steps, epochs} = data, charts = add("div", section("Training"), undefined, "charts");
  const names = Object.keys(steps).filter((name) => name !== "step" && name !== "seconds").sort((a, b) => (b === "loss") - (a === "loss"));
  for (const name of names) {
    const share = isShare(name), width = Math.max(1, Math.round(steps.step.length / 60));
    chart(charts, name + " of each batch", steps.step, "step", [
      {name, values: steps[name], faint: true, color: 0, share},
      {name: "mean of neighbours", values: smooth(steps[name], width), color: 0, share},
    ]);
  }
  for (const name of names) {
    if (!epochs.step.length) break;
    const share = isShare(name), series = [{name, values: epochs[name], share}];
    if (epochs["val_" + name]) series.push({name: "val_" + name, values: epochs["val_" + name], share});
    chart(charts, name + " of each epoch", epochs.step.map((_, i) => i + 1), "epoch", series);
  }
  const rate = steps.step.map((step, i) => i === 0 ? null : (step - steps.step[i - 1]) * data.batchSize / Math.max(1e-9, steps.seconds[i] - steps.seconds[i - 1]));
  chart(charts, "images a second", steps.step, "step", [{name: "images a second", values: smooth(rate, Math.max(1, Math.round(rate.length / 60)))}], true);
}

function drawLayers() {
  const host = add("div", section("Model"), undefined, "scroll"), table = add("table", host, undefined, "layers"), head = add("tr", table);
  for (const name of ["Layer", "Type", "Output shape", "Params"]) add("th", head, name, name === "Params" ? "number" : "");
  if (!data.sequential) add("th", head, "Takes");
  for (const [name, type, shape, params, inputs] of data.layers) {
    const row = add("tr", table);
    add("td", row, name); add("td", row, type); add("td", row, shape); add("td", row, whole(params), "number");
    if (!data.sequential) add("td", row, inputs.join(", "));
  }
  add("p", host, `${whole(data.trainable)} trainable params, ${whole(data.frozen)} others`, "note");
}

function drawClasses() {
  if (!data.confusion.length) return;
  const classes = data.confusion.length, part = section("Classes", "Images of the validation data: rows are labels, columns what the model takes them for.");
  const sums = data.confusion.map((row) => row.reduce((a, b) => a + b, 0));
  const wrong = Math.max(1, ...data.confusion.flatMap((row, i) => row.filter((_, j) => j !== i)));
  const table = add("table", add("div", part, undefined, "scroll"), undefined, "grid"), head = add("tr", table);
  add("th", head, "label");
  for (let i = 0; i < classes; ++i) add("th", head, String(i));
  add("th", head, "correct");
  data.confusion.forEach((row, i) => {
    const line = add("tr", table);
    add("th", line, String(i));
    row.forEach((count, j) => {
      const cell = add("td", line, String(count)), share = i === j ? count / Math.max(1, sums[i]) : count / wrong;
      cell.style.background = `color-mix(in srgb, ${i === j ? (dark() ? "#2c7a3f" : "#8fd19e") : (dark() ? "#a3402f" : "#f2a392")} ${Math.round(90 * share)}%, transparent)`;
    });
    add("td", line, sums[i] ? percent(row[i] / sums[i]) : "");
  });
  add("h2", part, "Accuracy of each class");
  const bars = add("div", part, undefined, "bars");
  data.confusion.forEach((row, i) => {
    if (!sums[i]) return;
    add("span", bars, String(i));
    add("i", add("div", bars)).style.width = 100 * row[i] / sums[i] + "%";
    add("span", bars, percent(row[i] / sums[i]));
  });
}

function drawMistakes() {
  if (!data.mistakes.length) return;
  const part = add("div", section("Worst mistakes", "Images of the validation data whose label the model finds least likely."), undefined, "mistakes");
  const [height, width, channels] = data.imageShape;
  for (const each of data.mistakes) {
    const figure = add("figure", part), canvas = add("canvas", figure), bytes = Uint8Array.from(atob(each.pixels), (c) => c.charCodeAt(0));
    canvas.width = width;
    canvas.height = height;
    const context = canvas.getContext("2d"), image = context.createImageData(width, height);
    for (let i = 0; i < width * height; ++i) {
      for (let c = 0; c < 3; ++c) image.data[4 * i + c] = bytes[i * channels + (channels === 3 ? c : 0)];
      image.data[4 * i + 3] = 255;
    }
    context.putImageData(image, 0, 0);
    add("figcaption", figure, `${each.label}, taken for ${each.predicted}; ${each.label} has ${percent(each.probability)} (image ${each.image})`);
  }
}

/** Histograms over time: each column is a step, its colour how many numbers lie there. */
function drawHistograms() {
  for (const gradient of [false, true]) {
    const tensors = data.tensors.filter((tensor) => tensor.gradient === gradient && tensor.histograms.length);
    if (!tensors.length) continue;
    const part = add("div", section(gradient ? "Gradients over time" : "Weights over time", "Steps to the right, values up; the darker, the more numbers. " +
      (gradient ? "Gradients are those of one batch, always the same." : "")), undefined, "histograms");
    for (const tensor of tensors) {
      const figure = add("div", part), last = tensor.histograms[tensor.histograms.length - 1];
      add("div", figure, tensor.name, "mono");
      const canvas = add("canvas", figure), scale = devicePixelRatio || 1;
      canvas.width = 280 * scale;
      canvas.height = 150 * scale;
      const context = canvas.getContext("2d");
      const least = Math.min(...tensor.histograms.map((h) => h.least)), most = Math.max(...tensor.histograms.map((h) => h.most)), range = most - least || 1;
      const columns = tensor.histograms.length, wide = canvas.width / columns;
      context.fillStyle = colors()[gradient ? 1 : 0];
      tensor.histograms.forEach((h, i) => {
        const top = Math.max(...h.counts), binRange = (h.most - h.least || range / 30) / h.counts.length;
        h.counts.forEach((count, bin) => {
          if (!count) return;
          const low = h.least + bin * binRange, y = canvas.height * (1 - (low + binRange - least) / range);
          context.globalAlpha = 0.12 + 0.88 * Math.sqrt(count / top);
          context.fillRect(i * wide, y, Math.ceil(wide), Math.max(1.5, Math.ceil(canvas.height * binRange / range)));
        });
      });
      const missing = tensor.histograms.reduce((sum, h) => sum + h.notFinite, 0);
      add("div", figure, `${Number(least.toPrecision(3))} to ${Number(most.toPrecision(3))}; at the end ${Number(last.least.toPrecision(3))} to ${Number(last.most.toPrecision(3))}` +
        (missing ? `; ${missing} not finite` : ""), "note");
    }
  }
}

function drawPage() {
  const scrolled = scrollY;
  document.getElementById("page").replaceChildren();
  plots = [];
  drawHead();
  drawCharts();
  drawLayers();
  drawClasses();
  drawMistakes();
  drawHistograms();
  scrollTo(0, scrolled);
}

/** While training goes on the page is served by it, and asks for what is new. */
async function follow() {
  try {
    const answer = await fetch("data.json");
    data = await answer.json();
    drawPage();
  } catch {
    if (!data.finished) document.querySelector("p.note").append(" (and this page has lost it)");
    return;
  }
  if (!data.finished) setTimeout(follow, 1000);
}

drawPage();
if (location.protocol === "http:" && !data.finished) setTimeout(follow, 500);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawPage);
