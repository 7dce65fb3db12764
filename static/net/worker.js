// The worker of batch.js.

// no await at this level, nor in what is imported: messages that come before `onmessage` stands would be lost
import { requestHandler } from './requests.js';

const answer = requestHandler((message) => postMessage(message, { transfer: [message.samples.buffer] }));

onmessage = ({ data }) => answer(data);
