"use strict";
// The page of `gradc dump --format html`. `data` is what inspect/graph_page.cpp writes: a snapshot of the graph after each pass, kernels
// with their code, and the lives of values in memory.

const roleNames = ["boundary", "forward", "backward", "update"];
const byId = (id) => document.getElementById(id);
const svgNamespace = "http://www.w3.org/2000/svg";
const mostOpen = 70; // Graphs of more ops start with their boxes closed.
const mostDrawn = 110; // Nodes that are laid out at once: a larger graph is shown in parts, each of some neighbouring layers.

const state = {part: 0, pass: data.passes.length - 1, boxes: "layers", open: new Set(), allOpen: false, params: false, selected: null, view: null};

function svg(tag, attributes, parent, text) {
  const element = document.createElementNS(svgNamespace, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  if (parent) parent.appendChild(element);
  return element;
}

function html(tag, parent, text, onclick) {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  if (onclick) element.addEventListener("click", onclick);
  parent.appendChild(element);
  return element;
}

function amount(number, unit) {
  const prefixes = ["", "k", "M", "G", "T"];
  let i = 0;
  while (number >= 1000 && i < 4) { number /= 1000; ++i; }
  return Number(number.toPrecision(3)) + " " + prefixes[i] + unit;
}

/** A snapshot with what the page needs to know besides: the op that makes each value, and its users. */
function graphOf(index) {
  const pass = data.passes[index];
  if (pass.definer) return pass;
  pass.definer = new Array(pass.values.length).fill(-1);
  pass.users = pass.values.map(() => []);
  pass.ops.forEach((op, i) => {
    for (const v of op.v) pass.definer[v] = i;
    for (const v of op.a) pass.users[v].push(i);
  });
  for (const op of pass.ops) op.small = op.k === "input" && !pass.values[op.v[0]][1].includes(",");
  // Each op is at home in a layer: its own, or that of an op it works with.
  pass.home = pass.ops.map((op) => op.l);
  for (let i = pass.ops.length - 1; i >= 0; --i)
    for (const v of pass.ops[i].v) for (const user of pass.users[v]) if (!pass.home[i]) pass.home[i] = pass.home[user];
  pass.ops.forEach((op, i) => { for (const v of op.a) if (!pass.home[i]) pass.home[i] = pass.home[pass.definer[v]]; });
  const before = index > 0 ? new Set(data.passes[index - 1].ops.map((op) => op.t)) : null;
  pass.changed = pass.ops.map((op) => before !== null && !before.has(op.t));
  return pass;
}

/** Params, and inputs that are one number an image or a step, are read all over a graph: they would be most of its lines. */
function visible(op) {
  if (op.k === "constant") return false;
  return state.params || !(op.k === "param" || op.k === "update" || op.small);
}

/** The box of an op in this pass: {id, label}, or null. */
function boxOf(pass, op) {
  if (state.boxes === "kernels" && op.c >= 0) {
    const kernel = pass.kernels[op.c], dot = kernel.name.lastIndexOf(".");
    return {id: "kernel " + op.c, label: kernel.name, lines: [kernel.name.slice(dot + 1), kernel.name.slice(0, dot)], kernel: op.c};
  }
  if (state.boxes === "layers" && op.l !== "" && op.r > 0) {
    const role = op.r > 1 ? roleNames[op.r] : "";
    return {id: "layer " + op.l + " " + op.r, label: op.l + (role && ", " + role), lines: [op.l, role]};
  }
  return null;
}

const isOpen = (id) => state.allOpen !== state.open.has(id);

/** The parts that a graph is shown in: lists of layers. */
function partsOf(pass) {
  const nodes = new Map(), parts = [];
  pass.ops.forEach((op, i) => {
    if (!nodes.has(pass.home[i])) nodes.set(pass.home[i], new Set());
    const box = boxOf(pass, op);
    if (visible(op)) nodes.get(pass.home[i]).add(box && !state.allOpen ? box.id : i);
  });
  let drawn = Infinity;
  for (const [layer, own] of nodes) {
    if (drawn + own.size > mostDrawn) {
      parts.push([]);
      drawn = 0;
    }
    parts[parts.length - 1].push(layer);
    drawn += own.size;
  }
  return parts;
}

/** Shows the part with this op. */
function goToPartOf(pass, i) {
  const part = partsOf(pass).findIndex((layers) => layers.includes(pass.home[i]));
  if (part === state.part) return;
  state.part = part;
  draw(false);
}

/** Nodes, boxes and edges to draw. A closed box is a node, and so is a layer of another part that this part is connected with. */
function scene(pass) {
  const nodes = new Map(), boxes = new Map(), edges = new Map(), nodeOfOp = [], here = new Set(partsOf(pass)[state.part]);
  pass.ops.forEach((op, i) => {
    if (!visible(op) || !here.has(pass.home[i])) return;
    const box = boxOf(pass, op);
    if (box && !isOpen(box.id)) {
      let node = nodes.get(box.id);
      if (!node) nodes.set(box.id, node = {id: box.id, box, role: op.r, ops: [], changed: false});
      node.ops.push(i);
      node.changed = node.changed || pass.changed[i];
      // A kernel that also updates a param counts as that, one that also works backward as forward.
      if (op.r === 1 || (op.r === 3 && node.role === 2)) node.role = op.r;
      nodeOfOp[i] = box.id;
      return;
    }
    const id = "op " + i;
    nodes.set(id, {id, op: i, role: op.r, ops: [i], changed: pass.changed[i], parent: box && box.id});
    if (box) boxes.set(box.id, box);
    nodeOfOp[i] = id;
  });
  const outside = (i, before) => {
    if (nodeOfOp[i] !== undefined) return nodeOfOp[i];
    if (!visible(pass.ops[i])) return undefined;
    const id = (before ? "from " : "to ") + pass.home[i] + " " + pass.ops[i].r;
    if (!nodes.has(id)) nodes.set(id, {id, elsewhere: i, role: 0, ops: [], changed: false, lines: [(before ? "from " : "to ") + (pass.home[i] || "elsewhere"), "another part"]});
    return id;
  };
  pass.ops.forEach((op, i) => {
    for (const v of op.a) {
      const definer = pass.definer[v];
      if (nodeOfOp[definer] === undefined && nodeOfOp[i] === undefined) continue;
      const from = outside(definer, true), to = outside(i, false);
      if (from === undefined || to === undefined || from === to) continue;
      const key = from + "\n" + to;
      if (!edges.has(key)) edges.set(key, {from, to, values: []});
      edges.get(key).values.push(v);
    }
  });
  for (const node of nodes.values()) {
    const kinds = node.ops.map((i) => pass.ops[i].k);
    if (node.elsewhere !== undefined) {
      // Its lines are there.
    } else if (node.box) {
      const counts = new Map();
      for (const kind of kinds) counts.set(kind, (counts.get(kind) || 0) + 1);
      const list = [...counts].map(([kind, count]) => count > 1 ? count + " " + kind : kind);
      node.lines = [...node.box.lines.filter(Boolean), list.slice(0, 4).join(", ") + (list.length > 4 ? ", ..." : "")];
    } else {
      const op = pass.ops[node.op];
      const types = op.v.map((v) => pass.values[v][1]).join(", ");
      node.lines = [op.k + (op.n ? " " + op.n : ""), types || op.a.map((v) => pass.values[v][1]).join(", ")];
    }
    node.width = Math.max(node.lines[0].length * 7.3, ...node.lines.slice(1).map((line) => line.length * 6.5), 50) + 18;
    node.height = 12 + 13.5 * node.lines.length;
  }
  return {nodes, boxes, edges};
}

function layout(drawn) {
  const graph = new dagre.graphlib.Graph({compound: true});
  graph.setGraph({rankdir: "TB", nodesep: 16, ranksep: 26, ranker: "tight-tree"});
  graph.setDefaultEdgeLabel(() => ({}));
  for (const box of drawn.boxes.values()) graph.setNode(box.id, {});
  for (const node of drawn.nodes.values()) {
    graph.setNode(node.id, {width: node.width, height: node.height});
    if (node.parent) graph.setParent(node.id, node.parent);
  }
  for (const edge of drawn.edges.values()) graph.setEdge(edge.from, edge.to);
  dagre.layout(graph);
  return graph;
}

let placed = null;

function draw(keepView) {
  const pass = graphOf(state.pass);
  byId("pass").textContent = pass.name.split("{")[0];
  byId("pass").title = pass.name;
  byId("step").value = state.pass;
  const count = pass.ops.length;
  byId("summary").textContent = `${pass.summary}. ${count} ops${pass.kernels.length ? `, ${pass.kernels.length} kernels` : ""}` +
    (state.pass > 0 ? `; ${pass.changed.filter(Boolean).length} are new or changed, outlined in blue` : "") + ".";
  const kernels = pass.kernels.length > 0;
  byId("boxes").querySelector("[value=kernels]").disabled = !kernels;
  byId("boxes").value = state.boxes;
  const parts = partsOf(pass);
  state.part = Math.min(state.part, parts.length - 1);
  const chooser = byId("part");
  chooser.replaceChildren();
  parts.forEach((layers, i) => { html("option", chooser, `${i + 1} of ${parts.length}: ${layers[0] || "start"}${layers.length > 1 ? " to " + layers[layers.length - 1] : ""}`).value = i; });
  chooser.value = state.part;
  chooser.parentElement.hidden = parts.length < 2;
  const drawn = scene(pass), graph = layout(drawn);
  const root = byId("graph");
  root.replaceChildren();
  const definitions = svg("defs", {}, root);
  const marker = svg("marker", {id: "head", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto"}, definitions);
  svg("path", {id: "arrow", d: "M0,0 L8,4 L0,8 z"}, marker);
  for (const box of drawn.boxes.values()) {
    const at = graph.node(box.id);
    const group = svg("g", {class: "box", "data-id": box.id}, root);
    svg("rect", {x: at.x - at.width / 2, y: at.y - at.height / 2 - 12, width: at.width, height: at.height + 12}, group);
    const text = svg("text", {x: at.x - at.width / 2 + 6, y: at.y - at.height / 2 + 1}, group, fit(box.label, at.width - 12, 6.8));
    text.addEventListener("click", (event) => { event.stopPropagation(); toggle(box.id); });
    svg("title", {}, group, box.label + ": click its name to close it");
    group.addEventListener("click", () => { if (box.kernel !== undefined) select({kernel: box.kernel}); });
  }
  for (const edge of drawn.edges.values()) {
    const points = graph.edge(edge.from, edge.to).points;
    const path = svg("path", {class: "edge", d: curve(points), "marker-end": "url(#head)"}, root);
    path.dataset.values = edge.values.join(" ");
    svg("title", {}, path, edge.values.map((v) => "%" + pass.values[v][0] + " : " + pass.values[v][1]).join("\n"));
  }
  for (const node of drawn.nodes.values()) {
    const at = graph.node(node.id);
    const group = svg("g", {class: "node" + (node.box ? " group" : "") + (node.elsewhere !== undefined ? " elsewhere" : "") + (node.changed ? " changed" : ""), "data-id": node.id}, root);
    svg("rect", {class: roleNames[node.role], x: at.x - at.width / 2, y: at.y - at.height / 2, width: at.width, height: at.height}, group);
    node.lines.forEach((line, i) => svg("text", {class: i ? "second" : "", x: at.x, y: at.y - at.height / 2 + 17 + 13.5 * i, "text-anchor": "middle"}, group, line));
    group.addEventListener("click", () => {
      if (node.elsewhere !== undefined) {
        goToPartOf(pass, node.elsewhere);
        return select({op: node.elsewhere});
      }
      if (!node.box) return select({op: node.op});
      if (node.box.kernel !== undefined) return select({kernel: node.box.kernel});
      select({ops: node.ops, title: node.box.label, box: node.box.id});
    });
    group.addEventListener("dblclick", () => { if (node.box) toggle(node.box.id); });
  }
  placed = {graph, drawn, size: graph.graph()};
  if (!keepView || !state.view) fitView();
  else applyView();
  mark();
}

const fit = (text, width, size) => text.length * size <= width ? text : text.slice(0, Math.max(3, Math.floor(width / size) - 1)) + "…";

function curve(points) {
  let path = `M${points[0].x},${points[0].y}`;
  for (let i = 1; i < points.length - 1; ++i) {
    const next = points[i + 1], end = i === points.length - 2 ? next : {x: (points[i].x + next.x) / 2, y: (points[i].y + next.y) / 2};
    path += ` Q${points[i].x},${points[i].y} ${end.x},${end.y}`;
  }
  return points.length < 3 ? path + ` L${points[points.length - 1].x},${points[points.length - 1].y}` : path;
}

// The view: what part of the drawing is seen, moved by dragging and zoomed by the wheel. -------------------------------------------
function fitView() {
  const canvas = byId("canvas").getBoundingClientRect(), {width, height} = placed.size;
  // The whole width if that stays legible, from the top.
  const scale = Math.min(1.1, Math.max(canvas.width / (width + 40), 0.8));
  state.view = {x: width / 2 - canvas.width / scale / 2, y: -20, scale};
  // Of a wider graph, where it begins.
  const begin = [...placed.drawn.nodes.values()].find((node) => node.role === 1) || placed.drawn.nodes.values().next().value;
  if ((width + 40) * scale > canvas.width && begin) state.view.x = placed.graph.node(begin.id).x - canvas.width / scale / 2;
  if ((height + 40) * scale < canvas.height) state.view.y = height / 2 - canvas.height / scale / 2;
  applyView();
}

function applyView() {
  const canvas = byId("canvas").getBoundingClientRect(), {x, y, scale} = state.view;
  byId("graph").setAttribute("viewBox", `${x} ${y} ${canvas.width / scale} ${canvas.height / scale}`);
}

byId("graph").addEventListener("wheel", (event) => {
  event.preventDefault();
  const canvas = byId("canvas").getBoundingClientRect(), view = state.view;
  const factor = Math.exp(-event.deltaY * 0.0015), px = event.clientX - canvas.left, py = event.clientY - canvas.top;
  const scale = Math.min(4, Math.max(0.02, view.scale * factor));
  view.x += px / view.scale - px / scale;
  view.y += py / view.scale - py / scale;
  view.scale = scale;
  applyView();
}, {passive: false});

byId("graph").addEventListener("pointerdown", (event) => {
  let last = event;
  const move = (now) => {
    state.view.x -= (now.clientX - last.clientX) / state.view.scale;
    state.view.y -= (now.clientY - last.clientY) / state.view.scale;
    last = now;
    applyView();
  };
  const up = () => { removeEventListener("pointermove", move); removeEventListener("pointerup", up); };
  addEventListener("pointermove", move);
  addEventListener("pointerup", up);
});

function centerOn(id) {
  const at = placed.graph.node(id);
  if (!at) return;
  const canvas = byId("canvas").getBoundingClientRect();
  state.view.scale = Math.max(state.view.scale, 0.7);
  state.view.x = at.x - canvas.width / state.view.scale / 2;
  state.view.y = at.y - canvas.height / state.view.scale / 2;
  applyView();
}

function toggle(id) {
  if (state.open.has(id)) state.open.delete(id);
  else state.open.add(id);
  draw(true);
}

// The selection and its details. -------------------------------------------------------------------------------------------------
/** The node of an op, for which another part may have to be shown. */
function nodeIdOf(op) {
  goToPartOf(graphOf(state.pass), op);
  return drawnNodeOf(op);
}

function drawnNodeOf(op) {
  for (const node of placed.drawn.nodes.values()) if (node.ops.includes(op)) return node.id;
  return null;
}

function select(what) {
  state.selected = what;
  mark();
  showDetails();
}

function mark() {
  const selected = state.selected, ids = new Set();
  if (selected) {
    const pass = graphOf(state.pass);
    if (selected.op !== undefined) ids.add(drawnNodeOf(selected.op));
    if (selected.box) ids.add(selected.box);
    if (selected.kernel !== undefined) {
      ids.add("kernel " + selected.kernel);
      pass.ops.forEach((op, i) => { if (op.c === selected.kernel) ids.add(drawnNodeOf(i)); });
    }
  }
  for (const element of document.querySelectorAll(".node, .box")) element.classList.toggle("selected", ids.has(element.dataset.id));
  const pass = graphOf(state.pass), op = selected && selected.op !== undefined ? pass.ops[selected.op] : null;
  const values = new Set(op ? [...op.v, ...op.a] : []);
  for (const edge of document.querySelectorAll(".edge")) edge.classList.toggle("selected", edge.dataset.values.split(" ").some((v) => values.has(Number(v))));
  for (const life of document.querySelectorAll(".life")) life.classList.toggle("selected", op !== null && op.v.some((v) => pass.values[v][0] === life.dataset.value));
}

function row(table, name, content) {
  const line = html("tr", table);
  html("th", line, name);
  const cell = html("td", line);
  if (typeof content === "function") content(cell);
  else cell.textContent = content;
}

function opLink(pass, cell, i) {
  const op = pass.ops[i];
  html("a", cell, op.k + (op.v.length ? " %" + pass.values[op.v[0]][0] : op.n ? " " + op.n : ""), () => { select({op: i}); centerOn(nodeIdOf(i)); });
}

function valueRows(table, pass, v) {
  const [name, type, bytes] = pass.values[v];
  row(table, "value", "%" + name + " : " + type);
  row(table, "bytes", bytes.batched ? `${amount(bytes.n, "B")} an image, ${amount(bytes.n * data.batch, "B")} a batch` : amount(bytes.n, "B"));
  if (bytes.batched && pass.kernels.length) {
    const dims = type.slice(type.indexOf("[") + 1, -1).split(",").slice(1).map((dim) => `[${dim}]`).join("");
    row(table, "layout", data.lanes === "images" ? `[tile]${dims}[${data.vector} images]: lanes are images` : `[image]${dims}: lanes are features`);
  }
  const life = data.lives.find((each) => each.value === name);
  if (life && pass.kernels.length) row(table, "memory", `${life.space}, from byte ${life.offset}, ${amount(life.bytes, "B")}` +
    (life.space === "tile" ? ` of a tile; kernels ${life.first} to ${life.last}` : life.space === "batch" ? ` an image; phases ${life.first} to ${life.last}` : ""));
}

function showDetails() {
  const panel = byId("details"), selected = state.selected, pass = graphOf(state.pass);
  panel.replaceChildren();
  if (!selected) {
    html("h2", panel, "Nothing selected");
    html("p", panel, "Click an op, a box or a block of memory. Double-click a closed box to open it; click an open box's name to close it. Drag to move, scroll to zoom, arrow keys to go from pass to pass.");
    return;
  }
  if (selected.op !== undefined) return opDetails(panel, pass, selected.op);
  if (selected.kernel !== undefined) return kernelDetails(panel, pass, selected.kernel);
  html("h2", panel, selected.title);
  html("button", panel, "Open this box", () => toggle(selected.box));
  const table = html("table", panel);
  for (const i of selected.ops) row(table, roleNames[pass.ops[i].r], (cell) => opLink(pass, cell, i));
}

function opDetails(panel, pass, i) {
  const op = pass.ops[i];
  html("h2", panel, op.k + (op.n ? ` "${op.n}"` : ""));
  const table = html("table", panel);
  if (op.l) row(table, "layer", op.l);
  row(table, "role", roleNames[op.r]);
  if (op.c >= 0) row(table, "kernel", (cell) => html("a", cell, pass.kernels[op.c].name, () => select({kernel: op.c})));
  if (op.f) row(table, "FLOPs", `${amount(op.f, "")} an image, ${amount(op.f * data.batch, "")} a batch`);
  for (const v of op.v) valueRows(table, pass, v);
  for (const v of op.a) row(table, "operand", (cell) => opLink(pass, cell, pass.definer[v]));
  for (const user of new Set(op.v.flatMap((v) => pass.users[v]))) row(table, "used by", (cell) => opLink(pass, cell, user));
  html("h2", panel, "Text");
  html("pre", panel, op.t).style.whiteSpace = "pre-wrap";
}

/// What a call of a kernel works on.
function runs(kernel) {
  if (kernel.form === "flat") return `once a block of ${kernel.size} elements`;
  if (kernel.form === "rows") return `once a block of ${kernel.size} rows`;
  if (kernel.form === "once") return "once a step";
  return kernel.size > 0 ? `once a tile of ${kernel.size} image${kernel.size > 1 ? "s" : ""}` : "once a tile";
}

function kernelDetails(panel, pass, k) {
  const kernel = pass.kernels[k];
  html("h2", panel, kernel.name);
  const table = html("table", panel);
  if (kernel.phase >= 0) row(table, "phase", String(kernel.phase));
  row(table, "runs", runs(kernel));
  const info = data.kernels.find((each) => each.name === kernel.name);
  if (info && kernel.phase >= 0) {
    row(table, "FLOPs", `${amount(info.flops * data.batch, "")} a step`);
    row(table, "bytes", `${amount(info.bytes, "B")} read and written a step`);
    if (info.flops) row(table, "intensity", `${Number((info.flops * data.batch / info.bytes).toPrecision(3))} FLOPs a byte`);
  }
  pass.ops.forEach((op, i) => { if (op.c === k) row(table, "op", (cell) => opLink(pass, cell, i)); });
  if (!info || kernel.phase < 0) return;
  const code = data.code[info.code];
  html("h2", panel, "Code");
  if (code.shared > 1) html("p", panel, `${code.shared} kernels share it.`);
  const choice = html("p", panel), text = html("pre", panel, code.statement);
  html("button", choice, "Halide statement", () => { text.textContent = code.statement; });
  html("button", choice, "Assembly", () => { text.textContent = code.assembly; });
}

// Memory over time: for each arena a picture with kernels or phases to the right and bytes up. ------------------------------------
function drawLives() {
  const parent = byId("lives");
  for (const [space, title, unit] of [["tile", "Of a thread, for its tile: kernels to the right", "kernel"], ["batch", "Of the batch, an image: phases to the right", "phase"]]) {
    const lives = data.lives.filter((life) => life.space === space);
    if (!lives.length) continue;
    const last = Math.max(...lives.map((life) => life.last)) + 1, top = Math.max(...lives.map((life) => life.offset + life.bytes));
    const width = Math.max(600, Math.min(1200, innerWidth - 60)), height = 150, left = 60;
    const picture = svg("svg", {width, height: height + 36, viewBox: `0 0 ${width} ${height + 36}`}, parent);
    svg("text", {class: "axis", x: left, y: 12}, picture, `${title}; ${amount(top, "B")} in all`);
    const x = (at) => left + at / last * (width - left - 4), y = (byte) => 18 + height - byte / top * height;
    svg("text", {class: "axis", x: left - 4, y: 28, "text-anchor": "end"}, picture, amount(top, "B"));
    svg("text", {class: "axis", x: left - 4, y: 18 + height, "text-anchor": "end"}, picture, "0");
    svg("text", {class: "axis", x: left, y: height + 32}, picture, `${unit} 0`);
    svg("text", {class: "axis", x: width - 4, y: height + 32, "text-anchor": "end"}, picture, `${unit} ${last - 1}`);
    for (const life of lives) {
      const begin = Math.max(life.first, 0);
      const block = svg("rect", {class: "life " + roleNames[life.role], x: x(begin), y: y(life.offset + life.bytes), width: Math.max(1, x(life.last + 1) - x(begin)), height: Math.max(0.8, y(life.offset) - y(life.offset + life.bytes))}, picture);
      block.dataset.value = life.value;
      svg("title", {}, block, `%${life.value}: ${amount(life.bytes, "B")}, ${unit} ${life.first} to ${life.last}`);
      block.addEventListener("click", () => {
        show(data.passes.length - 1);
        const pass = graphOf(state.pass), v = pass.values.findIndex(([name]) => name === life.value);
        if (v < 0 || pass.definer[v] < 0) return;
        select({op: pass.definer[v]});
        centerOn(nodeIdOf(pass.definer[v]));
      });
    }
  }
}

// Controls ------------------------------------------------------------------------------------------------------------------------
function show(pass) {
  pass = Math.min(data.passes.length - 1, Math.max(0, pass));
  if (pass === state.pass && placed) return;
  // What was selected stays so if its value is still there.
  let value = null;
  if (state.selected && state.selected.op !== undefined) {
    const before = graphOf(state.pass), op = before.ops[state.selected.op];
    value = op.v.length ? before.values[op.v[0]][0] : null;
  }
  const hadKernels = graphOf(state.pass).kernels.length > 0;
  state.pass = pass;
  const now = graphOf(pass), hasKernels = now.kernels.length > 0;
  if (hasKernels !== hadKernels) state.boxes = hasKernels ? "kernels" : "layers";
  if (hasKernels !== hadKernels) state.open.clear();
  state.selected = null;
  state.part = 0;
  if (value !== null) {
    const v = now.values.findIndex(([name]) => name === value);
    if (v >= 0 && now.definer[v] >= 0) state.selected = {op: now.definer[v]};
  }
  if (state.selected) state.part = Math.max(0, partsOf(now).findIndex((layers) => layers.includes(now.home[state.selected.op])));
  draw(false);
  showDetails();
}

function openAll(open) {
  const before = partsOf(graphOf(state.pass))[state.part][0];
  state.allOpen = open;
  state.part = Math.max(0, partsOf(graphOf(state.pass)).findIndex((layers) => layers.includes(before)));
  state.open.clear();
  draw(false);
}

byId("step").max = data.passes.length - 1;
byId("step").addEventListener("input", (event) => show(Number(event.target.value)));
byId("boxes").addEventListener("change", (event) => { state.boxes = event.target.value; state.open.clear(); state.part = 0; draw(false); });
byId("part").addEventListener("change", (event) => { state.part = Number(event.target.value); draw(false); });
byId("open").addEventListener("click", () => openAll(true));
byId("close").addEventListener("click", () => openAll(false));
byId("params").addEventListener("change", (event) => { state.params = event.target.checked; draw(true); });
byId("search").addEventListener("input", (event) => {
  const text = event.target.value.trim().toLowerCase(), pass = graphOf(state.pass);
  let first = null;
  const found = new Set();
  if (text) pass.ops.forEach((op, i) => {
    if (!op.t.toLowerCase().includes(text)) return;
    if (!visible(op)) return;
    if (first === null) first = nodeIdOf(i);
    found.add(drawnNodeOf(i));
  });
  for (const element of document.querySelectorAll(".node")) element.classList.toggle("found", found.has(element.dataset.id));
  if (first !== null) centerOn(first);
});
addEventListener("keydown", (event) => {
  if (event.target.tagName === "INPUT" && event.target.type === "search") return;
  if (event.key === "ArrowRight" || event.key === "ArrowLeft") {
    event.preventDefault();
    show(state.pass + (event.key === "ArrowRight" ? 1 : -1));
  }
});
addEventListener("resize", () => { if (state.view) applyView(); });

for (const role of ["forward", "backward", "update", "boundary"]) {
  const label = html("span", byId("legend"));
  html("i", label).style.background = `var(--${role})`;
  label.append(role);
}
state.boxes = graphOf(state.pass).kernels.length ? "kernels" : "layers";
state.allOpen = data.passes[state.pass].ops.length <= mostOpen;
draw(false);
showDetails();
drawLives();
