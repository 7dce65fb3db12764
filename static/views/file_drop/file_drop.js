// A place to drop a file, which goes to the server as it is read: with a bar, a way to cancel, and what went wrong.

import { listeners, queryIn } from '../../dom/dom.js';
import { say, send, uploadOf } from './upload.js';

/**
 * @import { ComponentProps } from '../../index.js'
 *
 * @typedef {Object} Data what ui/widgets/file_drop.py sends
 * @property {string} address below the laboratory's own
 * @property {string} ticket
 * @property {number} max_bytes
 * @property {string} limit the same in words
 * @property {string[]} suffixes of files that are taken, in lower case, with their dots
 * @property {string} label
 * @property {string} hint
 * @property {string} in_use which file the page shows; empty when it shows none
 */

/** @param {ComponentProps<Data>} props */
export default function fileDrop({ parentElement, data, setTriggerValue }) {
  const root = queryIn(parentElement)('.file-drop');
  const $ = queryIn(root);
  const input = $('input', HTMLInputElement);
  const { on, stop } = listeners();
  let upload = uploadOf(data.ticket);

  /** @param {FileList | null | undefined} files */
  function choose(files) {
    if (!files?.length || upload.request) return;
    const problem = problemOf(files, data);
    if (problem) say(upload, problem, true);
    else send(upload, files[0], data.address, data.ticket);
    input.value = ''; // the same file may be chosen again
  }

  function paint() {
    const busy = upload.request !== null;
    $('.under-way').hidden = !busy;
    input.disabled = busy;
    $('.zone .button').toggleAttribute('aria-disabled', busy);
    $('progress', HTMLProgressElement).value = upload.share;
    $('.share').textContent = `${Math.floor(100 * upload.share)} %`;
    $('.note').textContent = upload.note;
    $('.note').classList.toggle('wrong', upload.wrong);
    if (upload.arrived) setTriggerValue('arrived', Date.now());
    upload.arrived = false;
  }

  on(input, 'change', () => choose(input.files));
  on($('.cancel'), 'click', () => upload.request?.abort());
  on(root, 'dragover', (event) => {
    event.preventDefault();
    $('.zone').classList.add('over');
  });
  on(root, 'dragleave', () => $('.zone').classList.remove('over'));
  on(root, 'drop', (event) => {
    event.preventDefault();
    $('.zone').classList.remove('over');
    choose(event.dataTransfer?.files);
  });

  /** @param {Data} next */
  function update(next) {
    if (data.in_use && !next.in_use && !upload.request) say(upload, ''); // it was added, or left
    data = next;
    upload = uploadOf(data.ticket);
    upload.paint = paint;
    $('.choose').textContent = data.label;
    $('.hint').textContent = data.hint;
    input.accept = data.suffixes.join(',');
    paint();
  }

  update(data);
  return {
    update,
    restyle() {},
    close() {
      stop();
      if (upload.paint === paint) upload.paint = () => {};
    },
  };
}

// Why these files are not sent; empty when the first may be.
/** @param {FileList} files @param {Data} data */
function problemOf(files, { suffixes, max_bytes, limit }) {
  if (files.length > 1)
    return 'One file at a time: pack several pictures into a zip file, with a folder for each class.';
  const [file] = files;
  const known = suffixes.some((suffix) => file.name.toLowerCase().endsWith(suffix));
  if (!known)
    return `${file.name} is none of ${suffixes.join(', ')}: save it as one of these, or pack pictures as .zip.`;
  if (file.size > max_bytes) {
    const size = Math.ceil(file.size / 1e6).toLocaleString('en');
    return `${file.name} has ${size} MB and at most ${limit} are taken: leave some out, or make its images smaller.`;
  }
  return file.size ? '' : `${file.name} is empty: choose a file that holds data.`;
}
