// SPDX-License-Identifier: MIT OR Apache-2.0
'use strict';
const $ = (id) => document.getElementById(id);
const video = $('video');
const canvas = $('canvas');
const clamp = (value, low, high) => Math.min(Math.max(value, low), Math.max(low, high));
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
const say = (text) => { $('status').textContent = text; };

let text = ''; // the analysis as it was read
let doc = null; // the same, parsed and edited
let saved = ''; // the edits at the last save
let past = []; // the edits before each change, for Undo
let lastChange = '';
let facesAt = new Map(); // frame -> [{track, box}]
let thumbnails = {};
let frame = 0;
let playing = false;
let start = { time: 0, clock: 0 }; // of playing without a video
let mediaTime = null; // of the video frame on screen, where the browser tells
let drag = null; // the box being drawn: {from, to}

/* The analysis: reading, and writing so that all that was not edited stays as it was, byte for byte. */

/** The text that the program put in, with `<` as it was, or '' where the placeholder still stands. */
function given(id) {
  const content = $(id).textContent;
  if (content.startsWith('/*')) return '';
  return content.replace(/\\(u003c|[^])/g, (all, escaped) => (escaped === 'u003c' ? '<' : all));
}

function problem(read) {
  if (read?.format !== 'advjnd-faces') return 'This is no analysis of advjnd.';
  if (read.version !== 1) return `This page reads version 1, not ${read.version}.`;
  const lists = [read.times, read.people, read.tracks, read.boxes];
  return lists.every(Array.isArray) && read.source && read.times.length ? '' : 'Parts of the analysis are missing.';
}

/** Spans of the children of the array or object at `at`: [{key, start, end}]. */
function children(json, at) {
  const token = /"[^"\\]*(?:\\.[^"\\]*)*"|[[\]{}:,]|[^\s"[\]{}:,]+/g;
  token.lastIndex = at;
  const found = [];
  let child = { start: -1 };
  for (let depth = 0, hit; (hit = token.exec(json));) {
    const mark = hit[0];
    if (mark === ']' || mark === '}') depth -= 1;
    if (depth === 1 && mark === ':') {
      child = { key: JSON.parse(json.slice(child.start, child.end)), start: -1 };
    } else if ((depth === 1 && mark === ',') || (depth === 0 && child.start >= 0)) {
      found.push(child);
      child = { start: -1 };
    } else if (depth > 0) {
      child = { ...child, start: child.start < 0 ? hit.index : child.start, end: token.lastIndex };
    }
    if (mark === '[' || mark === '{') depth += 1;
    if (depth === 0) break;
  }
  return found;
}

const members = (at) => Object.fromEntries(children(text, at).map((child) => [child.key, child]));

function boxesText(span, was) {
  const raw = children(text, span.start).map(({ start, end }) => text.slice(start, end));
  const written = doc.boxes.map((box) => {
    const index = was.findIndex((old) => same(old, box));
    return index < 0 ? JSON.stringify(box) : raw[index];
  });
  return `[${written.join(',')}]`;
}

/** The pieces of the text to replace: [{start, end, put}], in order. */
function replacements() {
  const was = JSON.parse(text);
  const root = members(text.indexOf('{'));
  const found = [];
  const compare = (list, keys) => children(text, root[list].start).forEach((child, index) => {
    const changed = keys.filter((key) => was[list][index][key] !== doc[list][index][key]);
    const spans = changed.length ? members(child.start) : {};
    for (const key of changed) found.push({ ...spans[key], put: JSON.stringify(doc[list][index][key]) });
  });
  compare('people', ['name', 'action']);
  compare('tracks', ['person', 'struck']);
  if (!same(was.boxes, doc.boxes)) found.push({ ...root.boxes, put: boxesText(root.boxes, was.boxes) });
  return found.sort((a, b) => a.start - b.start);
}

function written() {
  let out = '';
  let done = 0;
  for (const { start, end, put } of replacements()) {
    out += text.slice(done, start) + put;
    done = end;
  }
  return out + text.slice(done);
}

/* Edits and Undo. */

const edits = () => JSON.stringify({
  people: doc.people.map(({ name, action }) => ({ name, action })),
  tracks: doc.tracks.map(({ person, struck }) => ({ person, struck })),
  boxes: doc.boxes,
});
const unsaved = () => doc !== null && edits() !== saved;

/** Makes one change; changes in a row with the same key (not '') are undone together. */
function change(key, make, message) {
  const before = edits();
  make();
  if (edits() === before) return;
  if (!key || key !== lastChange) past.push(before);
  lastChange = key;
  sync();
  if (message) say(message);
}

function undo() {
  const before = JSON.parse(past.pop());
  before.people.forEach((edit, index) => Object.assign(doc.people[index], edit));
  before.tracks.forEach((edit, index) => Object.assign(doc.tracks[index], edit));
  doc.boxes = before.boxes;
  lastChange = '';
  build();
  say('Undone.');
}

function save() {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([written()], { type: 'application/json' }));
  link.download = `${doc.source.name.replace(/\.[^.]*$/, '')}.faces.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  saved = edits();
  lastChange = '';
  sync();
  say(`Saved as ${link.download}. Look in your downloads.`);
}

/* People, tracks and boxes. */
