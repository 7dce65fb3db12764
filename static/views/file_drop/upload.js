// Uploads that are under way, by the ticket that the server gave: they go on when their view is mounted anew, and while
// somebody looks at another page.

const LOST =
  'The server could not be reached, or it ended the upload: look whether it runs, then choose the file again.';

/**
 * @typedef {Object} Upload of one ticket, one file after the other
 * @property {XMLHttpRequest | null} request null when nothing is being sent
 * @property {number} share that has been sent
 * @property {string} note
 * @property {boolean} wrong whether the note says what went wrong
 * @property {boolean} arrived whether a file has arrived that no view has told the page of
 * @property {() => void} paint
 */

/** @type {Map<string, Upload>} */
const uploads = new Map();

/** @param {string} ticket @returns {Upload} */
export function uploadOf(ticket) {
  const known = uploads.get(ticket);
  if (known) return known;
  const made = { request: null, share: 0, note: '', wrong: false, arrived: false, paint() {} };
  uploads.set(ticket, made);
  return made;
}

/** @param {Upload} upload @param {string} note @param {boolean} [wrong] */
export function say(upload, note, wrong = false) {
  Object.assign(upload, { note, wrong });
  upload.paint();
}

/** @param {Upload} upload @param {File} file @param {string} address @param {string} ticket */
export function send(upload, file, address, ticket) {
  const request = new XMLHttpRequest(); // fetch does not tell how far an upload is
  request.open('PUT', new URL(address, document.baseURI));
  request.setRequestHeader('X-Upload-Ticket', ticket);
  request.setRequestHeader('X-File-Name', encodeURIComponent(file.name));
  request.responseType = 'json';
  /** @param {string} problem */
  function end(problem) {
    upload.request = null;
    upload.arrived = !problem;
    say(upload, problem || `${file.name} has arrived.`, Boolean(problem));
  }
  request.upload.onprogress = (event) => {
    upload.share = event.loaded / Math.max(1, event.total);
    upload.paint();
  };
  request.onload = () => end(request.response?.error ?? (request.status === 200 ? '' : LOST));
  request.onerror = () => end(LOST);
  request.onabort = () => end('Cancelled: nothing was kept.');
  Object.assign(upload, { request, share: 0, arrived: false });
  say(upload, `Sending ${file.name} ...`);
  request.send(file);
}
