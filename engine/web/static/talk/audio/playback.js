/**
 * The agent's voice, in the audio thread: a bounded queue that knows to the sample what of which item was played.
 *
 *     {item, pcm}   16 bits at 24 kHz, the next of an item      {end: item}   no more of it comes
 *     {clear: n}    be silent now; answered {cleared: n, item, played, received} in ms: of what was being played
 *
 * Posts `{item, played, level, playing}` every 40 ms while it plays, and once when it falls silent.
 */

import {Resampler} from "./resampler.js";

const RATE = 24000;
const RESERVE_MS = 80; // what must be there before an item is begun, or goes on after a gap
const LONGEST_MS = 600000; // beyond, the oldest is dropped
const FADE_MS = 4;
const REPORT_MS = 40;

class Playback extends AudioWorkletProcessor {
  constructor() {
    super();
    this.perMs = sampleRate / 1000;
    this.forget();
    this.port.onmessage = ({data}) => {
      if ("clear" in data) this.clear(data.clear);
      else if ("end" in data) this.ended.add(data.end);
      else this.add(data);
    };
  }

  forget() {
    this.queue = []; // {item, samples, at}
    this.waiting = 0; // samples in it
    this.counts = new Map(); // item -> {received, played} in samples
    this.ended = new Set();
    this.resampler = null;
    this.newest = null;
    this.current = null;
    this.flowing = false;
    this.fading = [];
    this.power = this.since = 0;
  }

  add({item, pcm}) {
    if (item !== this.newest) {
      this.newest = item;
      this.resampler = new Resampler(RATE, sampleRate);
      this.counts.set(item, {received: 0, played: 0});
    }
    const samples = this.resampler.push(Float32Array.from(new Int16Array(pcm), (value) => value / 32768));
    this.counts.get(item).received += samples.length;
    this.queue.push({item, samples, at: 0});
    this.waiting += samples.length;
    while (this.waiting > LONGEST_MS * this.perMs) this.waiting -= this.queue.shift().samples.length;
  }

  clear(number) {
    const {received, played} = this.counts.get(this.current) ?? {received: 0, played: 0};
    const fading = [];
    for (const piece of this.flowing ? this.queue : []) {
      fading.push(...piece.samples.subarray(piece.at, piece.at + FADE_MS * this.perMs));
      if (fading.length >= FADE_MS * this.perMs) break;
    }
    const item = this.current;
    this.forget();
    this.fading = fading.map((sample, n) => sample * (1 - n / fading.length));
    this.port.postMessage({cleared: number, item, played: played / this.perMs, received: received / this.perMs});
  }

  process(_, [[output]]) {
    if (!this.flowing) {
      this.flowing = this.waiting > 0 && (this.waiting >= RESERVE_MS * this.perMs || this.ended.has(this.newest));
    }
    let filled = 0;
    while (this.fading.length && filled < output.length) output[filled++] = this.fading.shift();
    while (this.flowing && filled < output.length) {
      const piece = this.queue[0];
      if (!piece) {
        this.flowing = false;
        this.report(false);
        break;
      }
      if (piece.item !== this.current) this.begin(piece.item);
      const taken = piece.samples.subarray(piece.at, piece.at + output.length - filled);
      output.set(taken, filled);
      filled += taken.length;
      piece.at += taken.length;
      this.waiting -= taken.length;
      this.counts.get(piece.item).played += taken.length;
      if (piece.at === piece.samples.length) this.queue.shift();
    }
    if (this.flowing) this.measure(output);
    return true;
  }

  begin(item) {
    if (this.current !== null) {
      this.counts.delete(this.current);
      this.ended.delete(this.current);
    }
    this.current = item;
  }

  measure(output) {
    for (const sample of output) this.power += sample * sample;
    this.since += output.length;
    if (this.since >= REPORT_MS * this.perMs) this.report(true);
  }

  report(playing) {
    const played = (this.counts.get(this.current)?.played ?? 0) / this.perMs;
    const level = this.since ? Math.sqrt(this.power / this.since) : 0;
    this.port.postMessage({item: this.current, played, level: playing ? level : 0, playing});
    this.power = this.since = 0;
  }
}

registerProcessor("trunkline-playback", Playback);
