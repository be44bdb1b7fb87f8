// The HTML pages in a real browser:    node pages.js GRADC SOURCE_FOLDER NODE_MODULES
// Prints what is wrong and exits with 1, or says how many checks passed.
"use strict";
const {execFileSync, spawn} = require("child_process");
const fs = require("fs");
const os = require("os");
const path = require("path");
const [gradc, source, modules] = process.argv.slice(2);
const {chromium} = require(path.join(modules, "playwright-core"));

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "gradc-web-"));
let checks = 0;
function expect(condition, what) {
  if (!condition) throw new Error("expected " + what);
  ++checks;
}

async function open(browser, file, colorScheme = "light") {
  const page = await browser.newPage({viewport: {width: 1366, height: 768}, colorScheme});
  const problems = [];
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("console", (message) => { if (message.type() === "error") problems.push(message.text()); });
  page.on("request", (request) => { if (!request.url().startsWith("file:") && !request.url().startsWith("data:")) problems.push("asks the network for " + request.url()); });
  page.problems = problems;
  await page.goto("file://" + file);
  return page;
}

/** Rectangles of nodes, in pixels of the screen. */
const nodesOf = (page) => page.$$eval(".node", (all) => all.map((node) => {
  const box = node.querySelector("rect").getBoundingClientRect();
  const texts = [...node.querySelectorAll("text")].map((text) => text.getBoundingClientRect());
  return {id: node.dataset.id, x: box.x, y: box.y, width: box.width, height: box.height, text: node.textContent,
          overflows: texts.some((text) => text.left < box.left - 1 || text.right > box.right + 1), size: texts[0].height};
}));

async function expectLegible(page, what) {
  const nodes = await nodesOf(page);
  expect(nodes.length > 0, what + ": nodes");
  for (const node of nodes) {
    expect(!node.overflows, `${what}: the text of ${node.id} within its box`);
    expect(node.size >= 8, `${what}: text of at least 8 pixels, not ${node.size}`);
  }
  for (let i = 0; i < nodes.length; ++i)
    for (let j = 0; j < i; ++j) {
      const a = nodes[i], b = nodes[j];
      expect(a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y, `${what}: ${a.id} and ${b.id} apart`);
    }
  return nodes;
}

async function testGraph(browser, model, atLeastOps) {
  const file = path.join(folder, "graph.html");
  execFileSync(gradc, ["dump", path.join(source, model), "--format", "html", "-o", file], {stdio: ["ignore", "ignore", "inherit"]});
  for (const scheme of ["light", "dark"]) {
    const page = await open(browser, file, scheme);
    const passes = await page.evaluate(() => data.passes.map((pass) => pass.name));
    expect(passes[0] === "lower" && passes[passes.length - 1] === "block", "passes from lower to block");
    expect(await page.evaluate(() => data.passes[data.passes.length - 1].ops.length) >= atLeastOps, `at least ${atLeastOps} ops`);
    for (let pass = passes.length - 1; pass >= 0; --pass) {
      await page.evaluate((n) => show(n), pass);
      await expectLegible(page, `${model} after ${passes[pass]}`);
    }
    // A pass by its slider, an op by a click, its operand by a link, and what the panel says of it.
    await page.evaluate(() => show(0));
    await page.keyboard.press("ArrowRight");
    expect(await page.textContent("#pass") === "canonicalize", "the next pass after the right arrow");
    await page.fill("#search", "conv2d");
    await page.waitForSelector(".node.found");
    await page.evaluate(() => { show(data.passes.length - 1); openAll(true); });
    await expectLegible(page, `${model}, all open`);
    await page.locator(".node", {hasText: /^convf32/}).first().dispatchEvent("click");
    const details = await page.textContent("#details");
    for (const part of ["layer", "FLOPs", "bytes", "layout", "lanes are", "kernel", "operand", " = conv %"]) expect(details.includes(part), `"${part}" in the details of a convolution`);
    await page.locator("#details tr", {hasText: /^kernel/}).locator("a").click();
    const kernel = await page.textContent("#details");
    expect(kernel.includes("phase") && kernel.includes("produce "), "a kernel's phase and its Halide statement");
    await page.getByText("Assembly", {exact: true}).click();
    expect((await page.textContent("#details pre")).includes("vfmadd"), "multiply-adds in the assembly of a convolution");
    // Memory: a block for each value with a life, within its arena, and a click on one selects the op that makes it.
    await page.evaluate(() => { document.getElementById("arena").open = true; });
    expect(await page.locator(".life").count() === await page.evaluate(() => data.lives.length), "a block of memory for each value");
    const overlapping = await page.evaluate(() => data.lives.filter((a, i) => data.lives.slice(0, i).some((b) => a.space === b.space &&
      a.first <= b.last && b.first <= a.last && a.offset < b.offset + b.bytes && b.offset < a.offset + a.bytes)).map((life) => life.value));
    expect(overlapping.length === 0, "no two values in the same memory at one time: " + overlapping);
    await page.locator(".life.backward").first().dispatchEvent("click");
    expect((await page.textContent("#details")).includes("backward"), "the details of a value of the backward pass");
    expect(page.problems.length === 0, "no errors: " + page.problems.join("; "));
    await page.close();
  }
}

async function testReport(browser) {
  const file = path.join(folder, "report.html"), epochs = 2;
  execFileSync(gradc, ["train", path.join(source, "examples/mnist/model.json"), "--epochs", String(epochs), "--report", file, "--quiet", "--log", path.join(folder, "log.jsonl")],
    {stdio: "ignore"});
  const log = fs.readFileSync(path.join(folder, "log.jsonl"), "utf8").trim().split("\n").map(JSON.parse);
  expect(fs.statSync(file).size < 2e6, "a report of a full MNIST run below 2 MB");
  for (const scheme of ["light", "dark"]) {
    const page = await open(browser, file, scheme);
    const report = await page.evaluate(() => data);
    expect(report.finished && report.images === 60000 && report.epochs.step.length === epochs, "a finished training of MNIST");
    // Points are means over runs of as many steps.
    const run = Math.ceil(log.length / report.steps.step.length);
    expect(Math.abs(report.steps.loss[0] - log.slice(0, run).reduce((sum, step) => sum + step.loss, 0) / run) < 1e-5, "the first loss of the log in the chart");
    const images = report.confusion.flat().reduce((a, b) => a + b, 0), right = report.confusion.reduce((sum, row, i) => sum + row[i], 0);
    expect(images === 10000, "the 10,000 test images in the confusion matrix");
    expect(Math.abs(right / images - report.epochs.val_acc[epochs - 1]) < 1e-6, "its diagonal to be val_acc");
    expect(report.mistakes.every((each, i) => each.label !== each.predicted && (i === 0 || each.probability >= report.mistakes[i - 1].probability)), "mistakes, the worst first");
    for (const tensor of report.tensors) for (const histogram of tensor.histograms)
      expect(histogram.counts.reduce((a, b) => a + b, 0) === report.tensors.find((each) => each.name === tensor.name).histograms[0].counts.reduce((a, b) => a + b, 0), "every number of an array in its histogram");
    expect(report.tensors.filter((tensor) => tensor.gradient).length === 6 && report.tensors.length === 12, "weights and gradients of three layers");
    expect(await page.locator(".uplot").count() === 5, "five charts");
    expect(await page.locator("table.layers tr").count() === 7, "six layers below a head");
    expect(await page.locator("figure canvas").count() === report.mistakes.length, "a picture of each mistake");
    const painted = await page.$$eval(".uplot canvas, .histograms canvas, figure canvas", (all) => all.map((canvas) => {
      const {data: pixels} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      return new Set(new Uint32Array(pixels.buffer)).size;
    }));
    expect(painted.every((colours) => colours > 1), "something drawn on every canvas");
    expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "no scrolling to the side");
    expect(page.problems.length === 0, "no errors: " + page.problems.join("; "));
    await page.close();
  }
}

/** The page of a training that goes on: it grows by itself, and is not to be had from other machines. */
async function testLiveReport(browser) {
  const training = spawn(gradc, ["train", path.join(source, "examples/mnist/model.json"), "--epochs", "100000", "--report-live", "0", "--quiet"], {stdio: ["ignore", "ignore", "pipe"]});
  try {
    const url = await new Promise((resolve, reject) => {
      let text = "";
      training.stderr.on("data", (bytes) => {
        text += bytes;
        const found = text.match(/http:\/\/127\.0\.0\.1:\d+\//);
        if (found) resolve(found[0]);
      });
      training.on("exit", () => reject(new Error("the training ended: " + text)));
    });
    const page = await browser.newPage(), problems = [];
    page.on("pageerror", (error) => problems.push(error.message));
    await page.goto(url);
    const steps = await page.evaluate(() => data.steps.step.at(-1) || 0);
    await page.waitForFunction((before) => (data.steps.step.at(-1) || 0) > before && document.querySelectorAll(".uplot").length >= 3, steps, {timeout: 15000});
    expect(await page.evaluate(() => !data.finished), "a training that goes on");
    // Another process cannot have the same port, and is told so.
    const port = new URL(url).port;
    let told = "";
    try {
      execFileSync(gradc, ["train", path.join(source, "examples/mnist/model.json"), "--steps", "1", "--report-live", port, "--quiet"], {stdio: ["ignore", "ignore", "pipe"]});
    } catch (error) {
      told = String(error.stderr);
    }
    expect(told.includes("127.0.0.1:" + port + " cannot be listened at"), "an error for a port that is taken, not " + told);
    expect(problems.length === 0, "no errors: " + problems.join("; "));
    await page.close();
  } finally {
    training.kill("SIGINT");
    await new Promise((resolve) => { if (training.exitCode !== null || training.signalCode) resolve(); else training.on("exit", resolve); });
  }
  expect(training.exitCode === 130, "the exit status 130 after an interrupt, not " + training.exitCode);
}

(async () => {
  const browser = await chromium.launch({executablePath: "/usr/bin/chromium", args: ["--no-sandbox"]});
  try {
    await testReport(browser);
    await testLiveReport(browser);
    await testGraph(browser, "examples/mnist/model.json", 80);
    await testGraph(browser, "examples/models/cifar_cnn/model.json", 140);
    await testGraph(browser, "examples/models/resnet50_layers/model.json", 2000);
  } finally {
    await browser.close();
    fs.rmSync(folder, {recursive: true});
  }
  console.log(`${checks} checks passed`);
})().catch((error) => {
  console.error("pages.js: " + error.message);
  process.exit(1);
});
