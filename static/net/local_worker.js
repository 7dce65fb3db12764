// What stands in for the worker of batch.js where none can be started: in a page that was opened from a file. It works
// in the page's own thread, in slices that leave room for a frame between them.

import { requestHandler } from './requests.js';

const SLICE = 6; // milliseconds of work at a time

/** @returns {import('./batch.js').Backend} */
export function localWorker() {
  /** @type {import('./batch.js').Backend} */
  const worker = {
    onmessage: null,
    onerror: null,
    // as from a worker, an answer never comes before the request has been noted
    postMessage: (message) => void setTimeout(() => answer('head' in message ? { ...message, chunk: SLICE } : message)),
    terminate() {
      worker.onmessage = null;
    },
  };
  const answer = requestHandler((data) => worker.onmessage?.({ data }));
  return worker;
}
