// SPDX-License-Identifier: MIT OR Apache-2.0
const personById = (id) => doc.people.find((person) => person.id === Number(id));
const trackById = (id) => doc.tracks.find((track) => track.id === Number(id));
const tracksOf = (person) => doc.tracks.filter((track) => track.person === person.id);
const titleOf = (person) => (person.name ? `${person.id} ${person.name}` : `Person ${person.id}`);
const lookOf = (track) => (track.struck ? 'struck' : personById(track.person).action);
const spanOf = (track) => [track.faces[0]?.frame ?? 0, track.faces[track.faces.length - 1]?.frame ?? 0];
const lastFrame = () => doc.times.length - 1;
const count = (number, one, many = `${one}s`) => `${number} ${number === 1 ? one : many}`;

function framesOf(person) {
  const seen = tracksOf(person).filter((track) => !track.struck);
  return new Set(seen.flatMap((track) => track.faces.map((face) => face.frame))).size;
}

/** A copy of a template, its parts by name, with ids for its controls. */
function copy(template, id) {
  const root = $(template).content.firstElementChild.cloneNode(true);
  const parts = { root };
  for (const node of root.querySelectorAll('[data-part]')) parts[node.dataset.part] = node;
  for (const node of root.querySelectorAll('[data-edit], [data-do]')) {
    const name = node.dataset.edit ?? node.dataset.do;
    parts[name] = node;
    node.id = `${name}-${id}`;
    node.dataset.id = id;
  }
  return parts;
}

function thumbnail(person) {
  const picture = String(thumbnails[person.id] ?? '');
  const node = document.createElement(picture.startsWith('data:image/') ? 'img' : 'span');
  node.className = 'thumb';
  if (node.tagName === 'IMG') Object.assign(node, { src: picture, alt: '' });
  else node.ariaHidden = 'true';
  return node;
}

function personCard(person) {
  const parts = copy('person-card', person.id);
  parts.thumb.replaceWith(thumbnail(person));
  parts.title.textContent = `Name of person ${person.id}`;
  parts.root.id = `card-${person.id}`;
  parts.name.value = person.name;
  parts.action.value = person.action;
  parts.warn.id = `warn-${person.id}`;
  parts.action.setAttribute('aria-describedby', parts.warn.id);
  const tracks = tracksOf(person);
  const others = doc.people.filter((other) => other !== person && tracksOf(other).length);
  parts.into.append(...others.map((other) => new Option('', other.id)));
  parts.merging.hidden = !tracks.length || !others.length;
  parts.tracks.append(...tracks.map(trackRow));
  parts.root.querySelector('details').open = tracks.length <= 12;
  return parts.root;
}

function trackRow(track) {
  const parts = copy('track-row', track.id);
  const [first, last] = spanOf(track);
  parts.title.textContent = `Strike track ${track.id}`;
  parts.go.textContent = first === last ? `Go to ${first}` : `Go to ${first}–${last}`;
  parts.go.ariaLabel = `${parts.go.textContent}: track ${track.id}`;
  return parts.root;
}

const NUMBERS = ['x', 'y', 'w', 'h', 'first', 'last'];
const LABELS = { x: 'x', y: 'y', w: 'Width', h: 'Height', first: 'First frame', last: 'Last frame' };
const numberOf = (box, key) => (key in box ? box[key] : box.box[NUMBERS.indexOf(key)]);

function boxCard(box, index) {
  const parts = copy('box-card', index);
  parts.title.textContent = `Box ${index + 1}`;
  parts.root.ariaLabel = `Box ${index + 1}`;
  parts.note.value = box.note ?? '';
  parts.show.ariaLabel = `Go to box ${index + 1}`;
  parts.delete.ariaLabel = `Delete box ${index + 1}`;
  for (const key of NUMBERS) {
    const input = Object.assign(document.createElement('input'), { type: 'number', step: 'any', autocomplete: 'off' });
    Object.assign(input.dataset, { edit: key, id: index });
    input.id = `${key}-${index}`;
    input.value = numberOf(box, key);
    const label = document.createElement('label');
    label.append(LABELS[key], input);
    parts.numbers.append(label);
  }
  return parts.root;
}

/** The lowest and highest value that keeps the box inside the frame and the video. */
function limits(box, key) {
  const [x, y, w, h] = box.box;
  const { width, height } = doc.source;
  const all = { x: [0, width - w], y: [0, height - h], w: [1, width - x], h: [1, height - y] };
  return { ...all, first: [0, Math.min(box.last, lastFrame())], last: [box.first, lastFrame()] }[key];
}

function setNumber(input) {
  const { edit: key, id } = input.dataset;
  const box = doc.boxes[id];
  const asked = input.value.trim() === '' ? NaN : Number(input.value);
  let value = Number.isFinite(asked) ? clamp(asked, ...limits(box, key)) : numberOf(box, key);
  if (key in box) value = Math.round(value);
  const message = value === asked ? '' : `${LABELS[key]} is set to ${value}.`;
  change(`${key}-${id}`, () => {
    if (key in box) box[key] = value;
    else box.box[NUMBERS.indexOf(key)] = value;
  });
  input.value = value;
  if (message) say(message);
}

function addBox(box) {
  change('', () => doc.boxes.push({ first: frame, last: lastFrame(), box, note: '' }));
  build();
  say(`Box ${doc.boxes.length} added. It covers frames ${frame} to ${lastFrame()}.`);
}

function merge(id) {
  const from = personById(id);
  const into = personById($(`into-${id}`).value);
  const moved = tracksOf(from);
  change('', () => moved.forEach((track) => { track.person = into.id; }));
  build();
  $(`name-${into.id}`).focus();
  const warning = into.action === 'keep' ? ' Warning: these faces now go out recognisable.' : '';
  say(`${count(moved.length, 'track')} moved to ${titleOf(into)}.${warning}`);
}

/* The page: `build` makes the lists anew, `sync` brings what is there up to date. */

const piecesOf = (id) => (id === 'boxes'
  ? doc.boxes.map(({ first, last }) => ({ first, last, look: 'hand' }))
  : doc.tracks.filter((track) => track.person === Number(id)).map((track) => {
    const [first, last] = spanOf(track);
    return { first, last, look: lookOf(track) };
  })).sort((a, b) => a.first - b.first);

/** A row of the timeline: a button to the next place, and a bar that shows all places. */
function lane(id, name) {
  const pieces = piecesOf(id);
  const row = $('lane').content.firstElementChild.cloneNode(true);
  const [button, bar] = row.children;
  Object.assign(button, { id: `lane-${id}`, textContent: name, ariaLabel: `${name}: go to the next place` });
  button.dataset.id = id;
  bar.ariaLabel = `Frames ${pieces.map(({ first, last }) => `${first} to ${last}`).join(', ') || 'none'}`;
  bar.append(...pieces.map(({ first, last, look }) => {
    const piece = document.createElement('i');
    piece.dataset.look = look;
    piece.style.left = `${100 * first / doc.times.length}%`;
    piece.style.width = `${100 * (last - first + 1) / doc.times.length}%`;
    return piece;
  }));
  return row;
}

function build() {
  const focus = document.activeElement?.id;
  $('cards').replaceChildren(...doc.people.map(personCard));
  $('boxes').replaceChildren(...doc.boxes.map(boxCard));
  sync();
  if (focus) $(focus)?.focus();
}

function syncPerson(person) {
  const card = $(`card-${person.id}`);
  const tracks = tracksOf(person);
  const initial = card.querySelector('span.thumb');
  card.dataset.look = person.action;
  if (initial) initial.textContent = [...person.name.trim()][0]?.toUpperCase() ?? person.id;
  $(`warn-${person.id}`).hidden = person.action !== 'keep';
  card.querySelector('[data-part=count]').textContent = tracks.length
    ? `${count(framesOf(person), 'frame')} in ${count(tracks.length, 'track')}` : 'No tracks: merged or empty';
  for (const option of $(`into-${person.id}`).options) option.textContent = titleOf(personById(option.value));
}

function syncSummary() {
  const kept = doc.people.filter((person) => person.action === 'keep' && framesOf(person));
  const struck = doc.tracks.filter((track) => track.struck).length;
  const names = kept.length ? `Recognisable: ${kept.map(titleOf).join(', ')}.` : 'Nobody is kept recognisable.';
  $('summary').textContent = `${names} ${count(struck, 'track')} struck. ${count(doc.boxes.length, 'box', 'boxes')}.`
    + (unsaved() ? ' Not saved yet.' : '');
}

function sync() {
  doc.people.forEach(syncPerson);
  for (const track of doc.tracks) $(`strike-${track.id}`).checked = track.struck;
  $('timeline').replaceChildren(...doc.people.map((p) => lane(p.id, titleOf(p))), lane('boxes', 'Your boxes'));
  syncSummary();
  $('undo').disabled = !past.length;
  show(frame);
}

/* The frame. */

function nearest(time) {
  let low = 0;
  let high = lastFrame();
  while (low < high) {
    const middle = (low + high) >> 1;
    if (doc.times[middle] < time) low = middle + 1; else high = middle;
  }
  return low > 0 && time - doc.times[low - 1] <= doc.times[low] - time ? low - 1 : low;
}

function show(index) {
  frame = clamp(index, 0, lastFrame());
  const place = `Frame ${frame} of ${lastFrame()}, ${doc.times[frame].toFixed(2)} s`;
  $('slider').value = frame;
  $('slider').setAttribute('aria-valuetext', place);
  $('readout').textContent = place;
  $('timeline').style.setProperty('--play', `${100 * (frame + 0.5) / doc.times.length}%`);
  draw();
}

/** Goes to a frame and stops there. */
function go(index) {
  pause();
  show(index);
  const after = doc.times[frame + 1] ?? doc.times[frame] + 0.02;
  if (!video.hidden) video.currentTime = doc.times[frame] + (after - doc.times[frame]) / 4;
}

function tick() {
  if (!playing) return;
  const clock = start.time + (performance.now() - start.clock) / 1000;
  const time = video.hidden ? clock : mediaTime ?? video.currentTime;
  show(nearest(time));
  if (video.hidden ? clock >= doc.times[lastFrame()] : video.ended) pause();
  else requestAnimationFrame(tick);
}

function play() {
  if (frame === lastFrame()) go(0);
  start = { time: doc.times[frame], clock: performance.now() };
  playing = true;
  $('play').textContent = 'Pause';
  if (!video.hidden) video.play().catch(() => { pause(); say('The video does not play.'); });
  requestAnimationFrame(tick);
}

function pause() {
  playing = false;
  $('play').textContent = 'Play';
  video.pause();
}

/** What is in the frame: [{box, look, label}]. */
function inFrame() {
  const faces = (facesAt.get(frame) ?? []).map(({ track, box }) => (
    { box, look: lookOf(track), label: `${track.person} ${lookOf(track)}` }));
  const hand = doc.boxes.map((box, index) => ({ ...box, look: 'hand', label: `box ${index + 1}` }));
  return [...faces, ...hand.filter(({ first, last }) => first <= frame && frame <= last)];
}

function draw() {
  const ratio = window.devicePixelRatio || 1;
  const scale = canvas.clientWidth / doc.source.width;
  canvas.width = Math.round(canvas.clientWidth * ratio);
  canvas.height = Math.round(canvas.clientHeight * ratio);
  const pen = canvas.getContext('2d');
  pen.scale(ratio, ratio);
  const items = inFrame();
  const drawn = drag ? [...items, { box: dragBox(), look: 'hand', label: 'new box' }] : items;
  for (const part of [drawOutline, drawLabel]) drawn.forEach((item) => part(pen, item, scale));
  if (!playing) canvas.ariaLabel = `In this frame: ${items.map(({ label }) => label).join(', ') || 'nothing'}`;
}

const colourOf = (look) => getComputedStyle(document.documentElement).getPropertyValue(`--${look}`);

function drawOutline(pen, { box, look }, scale) {
  pen.strokeStyle = colourOf(look);
  pen.lineWidth = 2.5;
  pen.setLineDash({ struck: [3, 4], hand: [8, 4] }[look] ?? []);
  pen.strokeRect(...box.map((value) => value * scale));
}

function drawLabel(pen, { box, look, label }, scale) {
  const [x, y, , h] = box.map((value) => value * scale);
  pen.font = 'bold 12px system-ui, sans-serif';
  const width = pen.measureText(label).width + 8;
  const left = clamp(x - 1, 0, canvas.clientWidth - width);
  const top = y >= 17 ? y - 17 : clamp(y + h, 0, canvas.clientHeight - 17);
  pen.fillStyle = colourOf(look);
  pen.fillRect(left, top, width, 17);
  pen.fillStyle = '#000';
  pen.fillText(label, left + 4, top + 13);
}

/* Drawing on the frame. */
