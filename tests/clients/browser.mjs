// The page's side: the stock @openai/agents-realtime in a browser, fed by the browser's microphone. The page's address
// has the ephemeral secret that its backend made: page.html?secret=ek_...

import { talk } from "./agents_talk.mjs";
import { RATE, sleep } from "./speaking.mjs";

const QUIET = 100; // of 32767
const PAUSE_S = 0.6;

/** The microphone, muted or not: it gives audio all the time, as a page does that leaves turns to the server. */
class Microphone {
  #open = false;
  #voiced = false;
  #quiet_s = 0;
  give = null;

  static async opened() {
    const stream = await navigator.mediaDevices.getUserMedia({
      audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false } });
    const context = new AudioContext({ sampleRate: RATE });
    await context.audioWorklet.addModule("/clients/microphone.mjs");
    const microphone = new Microphone();
    const tap = new AudioWorkletNode(context, "tap", { numberOfOutputs: 0 });
    tap.port.onmessage = ({ data }) => microphone.#took(data);
    context.createMediaStreamSource(stream).connect(tap);
    return microphone;
  }

  /** Unmuted from a moment of silence until something was said and a pause came. */
  async utterance() {
    while (this.#quiet_s < 0.05) await sleep(5);
    this.#voiced = false;
    this.#open = true;
    while (!this.#voiced || this.#quiet_s < PAUSE_S) await sleep(5);
    this.#open = false;
  }

  #took(pcm) {
    const loud = pcm.some((sample) => Math.abs(sample) > QUIET);
    this.#quiet_s = loud ? 0 : this.#quiet_s + pcm.length / RATE;
    this.#voiced ||= loud;
    this.give?.(this.#open ? pcm : new Int16Array(pcm.length));
  }
}

async function run() {
  const microphone = await Microphone.opened();
  const secret = new URLSearchParams(location.search).get("secret");
  const sdk = globalThis.OpenAIAgentsRealtime;
  const transport = new sdk.OpenAIRealtimeWebSocket();
  const url = `${location.origin.replace("http", "ws")}/v1/realtime?model=local`;
  return talk(sdk, transport, secret, url, (send) => {
    microphone.give = (pcm) => transport.status === "connected" && send(pcm);
    return microphone.utterance();
  });
}

globalThis.talked = run();
