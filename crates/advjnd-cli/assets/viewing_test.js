// SPDX-License-Identifier: MIT OR Apache-2.0
"use strict";

// What the kinds of test differ in: what a viewer judges, how it is drawn from the seed, where it is shown, the scores.
const KINDS = {
  // The stimulus-comparison scale of ITU-R BT.500: the right picture compared with the left one.
  comparison: {
    noun: "Pair",
    draw: drawPairs,
    images: ["left", "right"],
    scale: [
      [-3, "Much worse"], [-2, "Worse"], [-1, "Slightly worse"], [0, "The same"],
      [1, "Slightly better"], [2, "Better"], [3, "Much better"],
    ],
    mark: (score) => (score > 0 ? `+${score}` : String(score).replace("-", "−")),
  },
  // Whether anything looks wrong. The mark is the key: a viewer who reads -1 and presses 1 would say 0.
  single: {
    noun: "Picture",
    draw: drawVersions,
    images: ["alone"],
    scale: [[0, "No"], [-1, "Perhaps"], [-2, "Yes, a little"], [-3, "Yes, plainly"]],
    mark: (_, index) => String(index + 1),
  },
};
const GREY_MILLISECONDS = 700;
const SECONDS_A_TRIAL = 10;
const PIXELS_A_RADIAN = 3438; // one pixel one minute of arc
const COLUMNS = ["viewer", "pair", "method", "side", "score", "milliseconds", "seed"];

// Mulberry32: uniform numbers of 0..1 from a seed of 32 bits.
function generator(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

function shuffle(list, random) {
  for (let i = list.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [list[i], list[j]] = [list[j], list[i]];
  }
  return list;
}

// BT.500: no picture twice in a row, where that can be had by swaps.
function separate(list) {
  const clash = (i, trial) =>
    (i > 0 && list[i - 1].picture === trial.picture) ||
    (i + 1 < list.length && list[i + 1].picture === trial.picture);
  for (let i = 1; i < list.length; i++) {
    if (list[i].picture !== list[i - 1].picture) continue;
    const j = list.findIndex((other, j) => Math.abs(i - j) > 1 && !clash(i, other) && !clash(j, list[i]));
    if (j >= 0) [list[i], list[j]] = [list[j], list[i]];
  }
  return list;
}

// What there is of a picture: the reference, and what each method made of it.
function versions(test, picture) {
  const sources = [picture.reference, ...picture.methods];
  return [test.reference, ...test.methods].map((method, v) => ({ picture, method, source: sources[v] }));
}

// Every picture by every method, and the hidden identical pairs.
function drawPairs(test, random) {
  const trials = test.pictures.flatMap((picture) => versions(test, picture).slice(1));
  for (const picture of shuffle([...test.pictures], random).slice(0, test.identical)) {
    trials.push({ picture, method: test.identical_method, source: picture.reference });
  }
  separate(shuffle(trials, random));
  for (const trial of trials) {
    trial.side = random() < 0.5 ? "left" : "right";
    const other = trial.picture.reference;
    trial.shown = trial.side === "left" ? [trial.source, other] : [other, trial.source];
  }
  return trials;
}

// Every picture in one version. Versions are dealt in turn and by group, so that they have equal shares of each group.
function drawVersions(test, random) {
  const turns = shuffle([...Array(test.methods.length + 1).keys()], random);
  const group = ({ name }) => name.slice(0, name.lastIndexOf("/") + 1);
  const mixed = shuffle([...test.pictures], random);
  const dealt = [...new Set(mixed.map(group))].flatMap((name) => mixed.filter((picture) => group(picture) === name));
  const trials = dealt.map((picture, i) => versions(test, picture)[turns[i % turns.length]]);
  return shuffle(trials, random).map((trial) => ({ ...trial, side: "alone", shown: [trial.source] }));
}

// What a viewer with this seed sees.
function makeTrials(test, seed) {
  return KINDS[test.kind].draw(test, generator(seed));
}

// What was said of the right picture, as said of the method's picture.
function scoreOfMethod(said, side) {
  return said !== 0 && side === "left" ? -said : said;
}

function toCsv(rows) {
  const field = (value) => (/[",\r\n]/.test(String(value)) ? `"${String(value).replaceAll('"', '""')}"` : String(value));
  return [COLUMNS, ...rows.map((row) => COLUMNS.map((column) => row[column]))]
    .map((line) => line.map(field).join(",") + "\r\n")
    .join("");
}

function start() {
  const find = (id) => document.getElementById(id);
  const test = JSON.parse(find("test").textContent);
  const kind = KINDS[test.kind];
  const noun = kind.noun.toLowerCase();
  const rows = [];
  let screen = "welcome";
  let viewer = "";
  let seed = 0;
  let trials = [];
  let shownAt = null;
  let saved = true;
  let chosen = null;
  let buttons = [];

  function show(name) {
    for (const other of ["welcome", "training", "trial", "finished"]) find(other).hidden = other !== name;
    screen = name;
  }

  function choose(index) {
    chosen = index;
    buttons.forEach((button, i) => button.setAttribute("aria-checked", String(i === index)));
    find("next").disabled = index === null || shownAt === null;
  }

  function makeScale(id) {
    const scale = find(id);
    scale.setAttribute("role", "radiogroup");
    buttons = kind.scale.map(([score, label], index) => {
      const button = document.createElement("button");
      button.type = "button";
      button.setAttribute("role", "radio");
      const number = document.createElement("b");
      number.textContent = kind.mark(score, index);
      button.append(number, label);
      button.addEventListener("click", () => choose(index));
      return button;
    });
    scale.replaceChildren(...buttons);
    choose(null);
  }

  function checkFit() {
    const ratio = window.devicePixelRatio || 1;
    const wide = (Math.max(...test.pictures.map((picture) => picture.width)) * kind.images.length) / ratio + 24;
    const high = Math.max(...test.pictures.map((picture) => picture.height)) / ratio + 250;
    const fits = wide <= window.innerWidth && high <= window.innerHeight;
    find("fit").textContent = fits
      ? ""
      : `The largest ${noun} needs a window of ${Math.ceil(wide)} × ${Math.ceil(high)}; this one has ` +
        `${window.innerWidth} × ${window.innerHeight}. Enlarge it, or use a larger screen.`;
  }

  async function present() {
    const trial = trials[rows.length];
    shownAt = null;
    choose(null);
    find("progress-text").textContent = `${kind.noun} ${rows.length + 1} of ${trials.length}`;
    find("progress-bar").style.width = `${(100 * rows.length) / trials.length}%`;
    find("pictures").className = "pictures blank";
    const ratio = window.devicePixelRatio || 1;
    const images = kind.images.map(find);
    images.forEach((image, i) => {
      image.src = trial.shown[i];
      image.style.width = `${trial.picture.width / ratio}px`;
      image.style.height = `${trial.picture.height / ratio}px`;
    });
    try {
      await Promise.all(images.map((image) => image.decode()));
    } catch {
      find("problem").textContent = `Your browser cannot show ${noun} ${rows.length + 1}. Please tell who asked you.`;
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, GREY_MILLISECONDS));
    find("pictures").className = "pictures";
    shownAt = performance.now();
    choose(chosen);
  }

  function confirmChoice() {
    if (chosen === null || shownAt === null) return;
    const trial = trials[rows.length];
    rows.push({
      viewer,
      pair: trial.picture.name,
      method: trial.method,
      side: trial.side,
      score: scoreOfMethod(kind.scale[chosen][0], trial.side),
      milliseconds: Math.round(performance.now() - shownAt),
      seed,
    });
    saved = false;
    if (rows.length === trials.length) finish();
    else present();
  }

  function begin() {
    trials = makeTrials(test, seed);
    makeScale("trial-scale");
    show("trial");
    present();
  }

  function finish() {
    show("finished");
    find("judged").textContent = `You have judged ${rows.length} of ${trials.length} ${noun}s.`;
  }

  function save() {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([toCsv(rows)], { type: "text/csv" }));
    link.download = `viewing-test-${viewer.replace(/[^A-Za-z0-9_-]/g, "_")}-${seed}.csv`;
    link.click();
    saved = true;
  }

  function onKey(event) {
    if ((screen !== "training" && screen !== "trial") || event.ctrlKey || event.altKey || event.metaKey) return;
    const last = kind.scale.length - 1;
    const neutral = kind.scale.findIndex(([score]) => score === 0);
    if (event.key >= "1" && event.key <= String(kind.scale.length)) choose(Number(event.key) - 1);
    else if (event.key === "ArrowLeft") choose(chosen === null ? neutral : Math.max(chosen - 1, 0));
    else if (event.key === "ArrowRight") choose(chosen === null ? neutral : Math.min(chosen + 1, last));
    else if (event.key === "Enter" && !event.repeat) screen === "training" ? begin() : confirmChoice();
    else return;
    event.preventDefault();
  }

  const count = makeTrials(test, seed).length;
  find("count").textContent = String(count);
  find("minutes").textContent = String(Math.max(1, Math.ceil((count * SECONDS_A_TRIAL) / 60)));
  find("seed").value = String(crypto.getRandomValues(new Uint32Array(1))[0]);
  const lines = window.screen.height * (window.devicePixelRatio || 1);
  find("distance").textContent = `${(PIXELS_A_RADIAN / lines).toFixed(1)} times`;

  find("form").addEventListener("submit", (event) => {
    event.preventDefault();
    viewer = find("viewer").value.trim();
    seed = Number(find("seed").value);
    if (viewer === "" || !Number.isInteger(seed) || seed < 0 || seed > 4294967295) {
      find("problem").textContent = "Please give a viewer id, and a seed from 0 to 4294967295.";
      return;
    }
    find("problem").textContent = "";
    makeScale("training-scale");
    checkFit();
    show("training");
  });
  find("begin").addEventListener("click", begin);
  find("next").addEventListener("click", confirmChoice);
  find("stop").addEventListener("click", finish);
  find("save").addEventListener("click", save);
  document.addEventListener("keydown", onKey);
  window.addEventListener("resize", checkFit);
  window.addEventListener("beforeunload", (event) => {
    if (!saved) event.preventDefault();
  });
}

start();
