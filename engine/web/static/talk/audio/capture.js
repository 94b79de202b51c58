/**
 * The microphone, in the audio thread: resampled to 24 kHz, in pieces of 40 ms.
 * Posts `{pcm: ArrayBuffer (16 bits), level: 0..1}`.
 */

import {Resampler} from "./resampler.js";

const RATE = 24000;
const PIECE = RATE * 0.04;

class Capture extends AudioWorkletProcessor {
  constructor() {
    super();
    this.resampler = new Resampler(sampleRate, RATE);
    this.begin();
  }

  begin() {
    this.piece = new Int16Array(PIECE);
    this.filled = 0;
    this.power = 0;
  }

  process([channels]) {
    if (!channels.length) return true; // no microphone is connected yet
    for (const sample of this.resampler.push(channels[0])) {
      this.piece[this.filled] = Math.max(-32768, Math.min(32767, Math.round(sample * 32767)));
      this.power += sample * sample;
      this.filled += 1;
      if (this.filled === PIECE) {
        this.port.postMessage({pcm: this.piece.buffer, level: Math.sqrt(this.power / PIECE)}, [this.piece.buffer]);
        this.begin();
      }
    }
    return true;
  }
}

registerProcessor("trunkline-capture", Capture);
