// SPDX-License-Identifier: MIT OR Apache-2.0
"use strict";

// Takes the viewing test of the page given as first argument as a viewer would, with the keyboard, in a document that knows
// only what the page's script needs. Prints JSON: what was shown, the CSV that was saved, and which picture by which
// method the first SEEDS seeds would have shown.
//
// Usage: node take_viewing_test.js PAGE SEED STOP_AFTER SEEDS     (STOP_AFTER 0: judge all that is shown)
const fs = require("node:fs");
const vm = require("node:vm");

const [page, seed] = [fs.readFileSync(process.argv[2], "utf8"), process.argv[3]];
const [stopAfter, seeds] = process.argv.slice(4).map(Number);
const section = (pattern) => {
  const found = [...page.matchAll(pattern)];
  if (found.length !== 1) throw new Error(`${found.length} times ${pattern}`);
  return found[0][1];
};
const test = section(/<script type="application\/json" id="test">([^<]*)<\/script>/g);
const script = section(/<script>([\s\S]*?)<\/script>/g);
const single = section(/<body class="([^"]*)">/g) === "single";

class Element {
  constructor(id) {
    Object.assign(this, { id, hidden: false, textContent: "", value: "", src: "", className: "", disabled: false });
    Object.assign(this, { style: {}, attributes: {}, listeners: {}, children: [] });
  }
  setAttribute(name, value) { this.attributes[name] = value; }
  append(...children) { this.children.push(...children); }
  replaceChildren(...children) { this.children = children; }
  addEventListener(type, listener) { (this.listeners[type] ??= []).push(listener); }
  emit(type, event = {}) {
    for (const listener of this.listeners[type] ?? []) listener({ preventDefault() {}, ...event });
  }
  click() {
    if (this.download !== undefined) saved.push({ name: this.download, ...this.href });
    if (!this.disabled) this.emit("click");
  }
  async decode() {
    if (!/^data:image\/(png|jpeg);base64,/.test(this.src)) throw new Error("no picture");
  }
}

const saved = [];
const elements = new Map();
for (const [, id] of page.matchAll(/ id="([^"]+)"/g)) elements.set(id, new Element(id));
for (const [, id] of page.matchAll(/<main id="([^"]+)"[^>]* hidden>/g)) elements.get(id).hidden = true;
elements.get("test").textContent = test;
const find = (id) => {
  if (!elements.has(id)) throw new Error(`no element ${id}`);
  return elements.get(id);
};
const document = new Element("document");
document.getElementById = find;
document.createElement = () => new Element("");
const window = new Element("window");
Object.assign(window, { devicePixelRatio: 2, innerWidth: 100, innerHeight: 100, screen: { height: 1080 } });
let now = 0;
const context = vm.createContext({
  document,
  window,
  crypto: require("node:crypto").webcrypto,
  performance: { now: () => now },
  setTimeout: (done) => setImmediate(done),
  URL: { createObjectURL: (blob) => blob },
  Blob: class {
    constructor(parts, options) { Object.assign(this, { text: parts.join(""), type: options.type }); }
  },
});
vm.runInContext(script, context);

const key = (key) => document.emit("keydown", { key });
const settle = async () => {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
};

async function main() {
  const [drawn, count] = [find("seed").value, find("count").textContent];
  find("viewer").value = "  ";
  find("form").emit("submit");
  const refused = find("problem").textContent;
  find("viewer").value = ' synthetic "viewer", 1 ';
  find("seed").value = seed;
  find("form").emit("submit");
  const training = { hidden: find("training").hidden, fit: find("fit").textContent, distance: find("distance").textContent };
  const labels = find("training-scale").children.map((button) => button.children[1]);
  key("2");
  key("Enter");
  const neutral = single ? 0 : 3;
  const shown = [];
  while (find("finished").hidden) {
    key("Enter"); // nothing is chosen, or nothing is shown yet
    await settle();
    const [left, right, alone] = ["left", "right", "alone"].map((id) => find(id).src);
    const trial = { left, right, alone, progress: find("progress-text").textContent };
    now += 1234.4;
    // All scores in turn; every third choice is made by arrows from score 0, every fifth with the mouse.
    const choice = shown.length % labels.length;
    trial.said = single ? -choice : choice - 3;
    if (shown.length % 5 === 4) {
      find("trial-scale").children[choice].click();
      find("next").click();
    } else if (shown.length % 3 === 2) {
      key("ArrowLeft");
      for (let step = neutral; step < choice; step++) key("ArrowRight");
      for (let step = neutral; step > choice; step--) key("ArrowLeft");
      key("Enter");
    } else {
      key(String(choice + 1));
      key("Enter");
    }
    shown.push(trial);
    if (shown.length === stopAfter) find("stop").click();
  }
  const judged = find("judged").textContent;
  find("save").click();
  const draw = (_, seed) =>
    context.makeTrials(JSON.parse(test), seed).map(({ picture, method }) => [picture.name, method]);
  const draws = Array.from({ length: seeds }, draw);
  console.log(JSON.stringify({ drawn, refused, training, count, labels, shown, judged, saved, draws }));
}

main();
