// An audio worklet: what the microphone hears, in pieces of 40 ms, as samples of 16 bits.

class Tap extends AudioWorkletProcessor {
  #piece = new Int16Array(sampleRate / 25);
  #had = 0;

  process([[channel]]) {
    for (const sample of channel ?? []) {
      this.#piece[this.#had++] = Math.max(-1, Math.min(1, sample)) * 32767;
      if (this.#had === this.#piece.length) {
        this.port.postMessage(this.#piece);
        this.#had = 0;
      }
    }
    return true;
  }
}

registerProcessor("tap", Tap);
