// SPDX-License-Identifier: MIT OR Apache-2.0
function pointAt(event) {
  const { left, top, width, height } = canvas.getBoundingClientRect();
  const across = doc.source.width * (event.clientX - left) / width;
  const down = doc.source.height * (event.clientY - top) / height;
  return [clamp(Math.round(across), 0, doc.source.width), clamp(Math.round(down), 0, doc.source.height)];
}

function dragBox() {
  const [[ax, ay], [bx, by]] = [drag.from, drag.to];
  return [Math.min(ax, bx), Math.min(ay, by), Math.abs(ax - bx), Math.abs(ay - by)];
}

function dragStart(event) {
  if (event.button !== 0 || !event.isPrimary || !$('draw').checked) return;
  go(frame);
  canvas.setPointerCapture(event.pointerId);
  drag = { from: pointAt(event), to: pointAt(event) };
}

function dragMove(event) {
  if (!drag || !event.isPrimary) return;
  drag.to = pointAt(event);
  draw();
}

function dragEnd() {
  if (!drag) return;
  const box = dragBox();
  const far = 6 * doc.source.width / canvas.clientWidth;
  dragCancel();
  if (box[2] >= far && box[3] >= far) addBox(box);
}

function dragCancel() {
  drag = null;
  draw();
}

/* Opening files. */

function open(json) {
  const read = JSON.parse(json);
  const wrong = problem(read);
  if (wrong) throw new Error(wrong);
  if (doc) pause();
  [text, doc, past, lastChange, frame, facesAt] = [json, read, [], '', 0, new Map()];
  saved = edits();
  thumbnails = thumbnailsFor(read);
  for (const track of doc.tracks) {
    for (const face of track.faces) {
      if (!facesAt.has(face.frame)) facesAt.set(face.frame, []);
      facesAt.get(face.frame).push({ track, box: face.box });
    }
  }
  $('title').textContent = `: ${doc.source.name}`;
  $('stage').style.setProperty('--aspect', doc.source.width / doc.source.height);
  $('slider').max = lastFrame();
  $('main').hidden = false;
  $('save').disabled = false;
  build();
  say(`${count(doc.people.length, 'person', 'people')} found in ${doc.source.name}.`);
}

/** The program's pictures belong to its own analysis only. */
function thumbnailsFor(read) {
  const own = given('faces');
  return own && JSON.parse(own).source.sha256 === read.source.sha256 ? JSON.parse(given('thumbnails') || '{}') : {};
}

function tryOpen(json) {
  try {
    open(json);
    return true;
  } catch (error) {
    say(`Cannot open the analysis. ${error.message}`);
    return false;
  }
}

async function openFile(event) {
  const file = event.target.files[0];
  if (!file || (unsaved() && !confirm('Drop your unsaved changes?'))) return;
  if (tryOpen(await file.text())) tryBeside();
}

function setVideo(url, failed) {
  if (video.src.startsWith('blob:')) URL.revokeObjectURL(video.src);
  video.hidden = true;
  mediaTime = null;
  video.onerror = () => { video.hidden = true; say(failed); };
  video.src = url;
}

const tryBeside = () => setVideo(encodeURIComponent(doc.source.name), 'Pick the video file to see it under the boxes.');

function pickVideo(event) {
  const file = event.target.files[0];
  if (file) setVideo(URL.createObjectURL(file), 'The browser cannot play this video. You can go on without it.');
}

function videoReady() {
  if (!doc) return;
  const { width, height } = doc.source;
  video.hidden = false;
  go(frame);
  const fits = Math.abs(video.videoWidth / video.videoHeight - width / height) < 0.02
    && video.duration > doc.times[lastFrame()] - 1;
  say(fits ? 'The video is open.' : 'Warning: this seems to be another video. Its shape or length does not fit.');
}

function seen(_, { mediaTime: time }) {
  mediaTime = time;
  video.requestVideoFrameCallback(seen);
}

/* What the user does. */

function edited({ target }) {
  const { edit, id } = target.dataset;
  if (edit === 'name') {
    change(target.id, () => { personById(id).name = target.value; });
  } else if (edit === 'action') {
    const warning = target.value === 'keep' ? ' Warning: this face goes out recognisable.' : '';
    const message = `${titleOf(personById(id))}: ${target.value}.${warning}`;
    change('', () => { personById(id).action = target.value; }, message);
  } else if (edit === 'strike') {
    const message = target.checked ? 'struck. Nothing is done about it: it stays visible.' : 'counts again.';
    change('', () => { trackById(id).struck = target.checked; }, `Track ${id} ${message}`);
  } else if (edit === 'note') {
    change(target.id, () => { doc.boxes[id].note = target.value; });
  }
}

function clicked({ target }) {
  const { do: what, id } = target.dataset;
  if (what === 'merge') merge(id);
  else if (what === 'go') go(spanOf(trackById(id))[0]);
  else if (what === 'show') go(doc.boxes[id].first);
  else if (what === 'delete') {
    change('', () => doc.boxes.splice(id, 1));
    build();
    $('add-box').focus();
    say('Box deleted.');
  }
}

function clickLane({ target, clientX }) {
  if (target.dataset.id) {
    const firsts = piecesOf(target.dataset.id).map(({ first }) => first);
    if (firsts.length) go(firsts.find((first) => first > frame) ?? firsts[0]);
    return;
  }
  const bar = target.closest('.bar');
  if (!bar) return;
  const { left, width } = bar.getBoundingClientRect();
  go(Math.floor(doc.times.length * (clientX - left) / width));
}

function addInMiddle() {
  const { width, height } = doc.source;
  const [w, h] = [Math.max(1, Math.round(width / 4)), Math.max(1, Math.round(height / 4))];
  go(frame);
  addBox([Math.round((width - w) / 2), Math.round((height - h) / 2), w, h]);
  $(`x-${doc.boxes.length - 1}`).focus();
}

function pressed(event) {
  const typing = event.target.closest('select, input:not([type=checkbox], [type=range])');
  if (!doc || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === ',') go(frame - 1);
  else if (event.key === '.') go(frame + 1);
  else if (event.key !== ' ' || event.target.closest('button, summary, input[type=checkbox]')) return;
  else $('play').click();
  event.preventDefault();
}

const drawMode = () => canvas.classList.toggle('draw', $('draw').checked);

function listen() {
  const click = { save, undo, back: () => go(frame - 1), next: () => go(frame + 1), 'add-box': addInMiddle };
  for (const [id, what] of Object.entries(click)) $(id).addEventListener('click', () => what());
  $('play').addEventListener('click', () => (playing ? go(frame) : play()));
  $('slider').addEventListener('input', () => go(Number($('slider').value)));
  $('timeline').addEventListener('click', clickLane);
  $('open').addEventListener('change', openFile);
  $('pick').addEventListener('change', pickVideo);
  $('draw').addEventListener('change', drawMode);
  $('main').addEventListener('input', edited);
  $('main').addEventListener('click', clicked);
  $('boxes').addEventListener('change', ({ target }) => target.type === 'number' && setNumber(target));
  const pointer = { down: dragStart, move: dragMove, up: dragEnd, cancel: dragCancel };
  for (const [name, what] of Object.entries(pointer)) canvas.addEventListener(`pointer${name}`, what);
  video.addEventListener('loadedmetadata', videoReady);
  document.addEventListener('keydown', pressed);
  window.addEventListener('beforeunload', (event) => unsaved() && event.preventDefault());
  new ResizeObserver(() => doc && draw()).observe(canvas);
  if (video.requestVideoFrameCallback) video.requestVideoFrameCallback(seen);
}

listen();
$('draw').checked = matchMedia('(pointer: fine)').matches;
drawMode();
if (given('faces') && tryOpen(given('faces'))) tryBeside();
