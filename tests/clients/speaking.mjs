// What the clients of this folder share: a voice, waiting for events, and the account that each of them prints.

export const RATE = 24000;
const PIECE = RATE / 10; // samples: 0.1 s
const PATIENCE_MS = 20000;

/** What the test's detector takes for a voice, then silence; in samples of 16 bits. */
export function voice(seconds = 0.6, silence = 0.6) {
  const pcm = new Int16Array(Math.round((seconds + silence) * RATE));
  for (let at = 0; at < seconds * RATE; at++) pcm[at] = 6000 * Math.sin((2 * Math.PI * 220 * at) / RATE);
  return pcm;
}

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** Give `pcm` to `send` piece by piece, twice as fast as it was spoken. */
export async function say(send, pcm = voice()) {
  for (let at = 0; at < pcm.length; at += PIECE) {
    send(pcm.slice(at, at + PIECE));
    await sleep(50);
  }
}

/** All events of a client, in order; `until` waits for the next of a kind after the one that was waited for last. */
export class Events {
  all = [];
  #read = 0;

  add(event) {
    this.all.push(event);
  }

  async until(type, wanted = () => true) {
    for (const deadline = Date.now() + PATIENCE_MS; Date.now() < deadline; await sleep(5)) {
      for (let at = this.#read; at < this.all.length; at++) {
        if (this.all[at].type === type && wanted(this.all[at])) {
          this.#read = at + 1;
          return this.all[at];
        }
      }
    }
    throw new Error(`no ${type} after ${this.all.map((event) => event.type).slice(this.#read).join(", ")}`);
  }
}
