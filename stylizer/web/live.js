// The camera of the tab "Live": frames go to the program one by one, in memory alone, and come back drawn.
// `element` is the tab's stage; the page's buttons call what `window.stylizerLive` holds.
const canvas = element.querySelector('canvas'), empty = element.querySelector('.live-empty');
const figures = element.querySelector('.live-figures'), words = element.querySelector('.live-words');
const LONGEST = 640, QUALITY = 0.85, TOGETHER = 2, WINDOW = 2000;  // px; of the JPEG; frames on their way; ms
const root = String(window.gradio_config?.root || location.origin + location.pathname).replace(/\/*$/, '/');
const video = document.createElement('video');
video.muted = video.playsInline = true;
let run = 0, shown = 0, times = [], waits = [], drawings = [];

const ticket = () => document.querySelector('#live-ticket [data-ticket]')?.dataset.ticket ?? '';
const strength = () => document.querySelector('#live-strength input[type=range]')?.value ?? '1';
const mirrored = () => document.querySelector('#live-mirror input')?.checked ?? false;
const say = text => { words.textContent = text; words.hidden = !text; };
const pause = ms => new Promise(done => setTimeout(done, ms));
const median = values => [...values].sort((a, b) => a - b)[values.length >> 1];

function grab(longest, mirror) {
  const scale = Math.min(1, longest / Math.max(video.videoWidth, video.videoHeight));
  const copy = document.createElement('canvas');
  copy.width = Math.round(video.videoWidth * scale);
  copy.height = Math.round(video.videoHeight * scale);
  const pen = copy.getContext('2d');
  if (mirror) pen.setTransform(-1, 0, 0, 1, copy.width, 0);
  pen.drawImage(video, 0, 0, copy.width, copy.height);
  return copy;
}

const jpeg = (picture, quality) => new Promise(done => picture.toBlob(done, 'image/jpeg', quality));

// The camera's next frame; where the browser cannot tell, a moment.
const nextFrame = () => video.requestVideoFrameCallback
  ? new Promise(done => video.requestVideoFrameCallback(done)) : pause(33);

async function show(mine, blob, taken, milliseconds) {
  const picture = await createImageBitmap(blob);
  if (run !== mine || taken <= shown) return;
  shown = taken;
  canvas.width = picture.width;
  canvas.height = picture.height;
  const pen = canvas.getContext('2d');
  if (mirrored()) pen.setTransform(-1, 0, 0, 1, canvas.width, 0);
  pen.drawImage(picture, 0, 0);
  canvas.hidden = false;
  empty.hidden = true;
  const now = performance.now();
  times = [...times.filter(time => now - time < WINDOW), now];
  waits = [...waits.slice(-30), now - taken];
  drawings = [...drawings.slice(-30), milliseconds];
  const rate = times.length < 2 ? 0 : 1000 * (times.length - 1) / (now - times[0]);
  Object.assign(figures.dataset, {rate: rate.toFixed(1), latency: median(waits).toFixed(0)});
  figures.textContent = `${rate.toFixed(0)} frames a second · ${median(waits).toFixed(0)} ms from camera to picture · `
    + `drawn in ${median(drawings).toFixed(0)} ms`;
}

// After each `await` it may have been stopped, or started anew: what an older run brings is not shown any more.
async function work(mine) {
  let failures = 0;
  while (run === mine) {
    await nextFrame();
    if (run !== mine || !video.videoWidth) continue;
    const taken = performance.now();
    const query = new URLSearchParams({ticket: ticket(), strength: strength(), seconds: taken / 1000});
    try {
      const body = await jpeg(grab(LONGEST, false), QUALITY);
      const answer = await fetch(`${root}live/frame?${query}`, {method: 'POST', body, credentials: 'same-origin'});
      if (run !== mine) return;
      if (answer.status === 200) {
        await show(mine, await answer.blob(), taken, Number(answer.headers.get('x-milliseconds')));
        if (run !== mine) return;
        failures = 0;
        say('');
      } else if (answer.status === 503) {
        await pause(300);
      } else if (answer.status !== 204) {
        const text = await answer.text();
        if (run !== mine) return;
        stop();
        say(text);
      }
    } catch {
      if (run !== mine) return;
      if (++failures > 5) {
        stop();
        say('The page does not answer; look whether it still runs, then press Start.');
      }
      await pause(300);
    }
  }
}

async function start() {
  stop();
  if (!ticket()) return;
  const mine = ++run;
  if (!navigator.mediaDevices?.getUserMedia) {
    say('The browser gives the camera only to pages with https, or on this computer itself.');
    return;
  }
  const wanted = {width: {ideal: 1280}, height: {ideal: 960}, facingMode: 'user', frameRate: {ideal: 30}};
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({video: wanted, audio: false});
  } catch (error) {
    say(`The camera cannot be used (${error.name}); allow it in the browser, close other programs that use it, try again.`);
    return;
  }
  if (run !== mine) {
    stream.getTracks().forEach(track => track.stop());
    return;
  }
  video.srcObject = stream;
  await video.play().catch(() => {});  // stopped before its first frame: the run below ends by itself
  if (run !== mine) return;
  shown = 0;
  times = [];
  waits = [];
  drawings = [];
  for (let worker = 0; worker < TOGETHER; worker++) work(mine);
}

function stop() {
  run++;
  video.srcObject?.getTracks().forEach(track => track.stop());
  video.srcObject = null;
  figures.textContent = '';
  canvas.hidden = true;
  empty.hidden = false;
  say('');
}

// The camera's frame as it is, at its full size, as a file.
async function snapshot() {
  if (!video.videoWidth) return null;
  const blob = await jpeg(grab(Infinity, mirrored()), 0.95);
  return new File([blob], 'snapshot.jpg', {type: 'image/jpeg'});
}

window.stylizerLive = {start, stop, snapshot};
window.addEventListener('pagehide', stop);
