/** Changes the sample rate of a stream: a windowed sinc, cut off below half of the lower rate, so that nothing folds. */

const CROSSINGS = 12; // zero crossings of the sinc on each side
const PHASES = 256; // of the table, between two zero crossings
const CUTOFF = 0.92; // of half the lower rate

/** `push(samples)` gives the samples of the other rate that are complete by then; what is missing comes later. */
export class Resampler {
  /** Rates in Hz, in any ratio. */
  constructor(from, to) {
    this.step = from / to;
    this.scale = Math.min(1, to / from) * CUTOFF;
    this.half = Math.ceil(CROSSINGS / this.scale);
    this.held = new Float32Array(this.half); // silence before the first sample
    this.at = this.half; // of the next output, in samples of `held`
    this.same = from === to;
  }

  push(samples) {
    if (this.same) return samples;
    const held = new Float32Array(this.held.length + samples.length);
    held.set(this.held);
    held.set(samples, this.held.length);
    const count = Math.max(0, Math.ceil((held.length - this.half - this.at) / this.step));
    const made = new Float32Array(count);
    for (let n = 0; n < count; n += 1, this.at += this.step) made[n] = this.#sample(held, this.at);
    const gone = Math.min(held.length, Math.max(0, Math.floor(this.at) - this.half));
    this.held = held.subarray(gone);
    this.at -= gone;
    return made;
  }

  #sample(held, at) {
    const first = Math.max(0, Math.ceil(at - this.half));
    const last = Math.min(held.length - 1, Math.floor(at + this.half));
    let sum = 0;
    for (let place = first; place <= last; place += 1) {
      sum += held[place] * KERNEL[Math.round(Math.abs(place - at) * this.scale * PHASES)];
    }
    return sum * this.scale;
  }
}

/** sinc under a Blackman window, from its middle to its end. */
const KERNEL = Float32Array.from({length: CROSSINGS * PHASES + PHASES}, (_, n) => {
  const x = n / PHASES;
  if (x >= CROSSINGS) return 0;
  const window = 0.42 + 0.5 * Math.cos(Math.PI * x / CROSSINGS) + 0.08 * Math.cos(2 * Math.PI * x / CROSSINGS);
  return (x ? Math.sin(Math.PI * x) / (Math.PI * x) : 1) * window;
});
