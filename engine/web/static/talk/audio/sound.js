/** Microphone and loudspeaker of one conversation: Web Audio on the page's side. */

const WORKLETS = ["capture.js", "playback.js"];
const MICROPHONE = {echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1};
const CLEAR_MS = 300; // longest wait for the audio thread

/** Why there is no microphone. `kind`: insecure, refused, none, busy. */
export class NoMicrophone extends Error {
  constructor(kind) {
    super(kind);
    this.kind = kind;
  }
}

/** `open` it while a press of the reader is being handled (telephones let nothing else begin sound); `close` it. */
export class Sound {
  /** `onpcm(ArrayBuffer, level)`: 40 ms of the microphone; `onplay({item, played, level, playing})`; `onlost()`: the
   *  microphone is gone. */
  constructor({onpcm, onplay, onlost}) {
    this.hears = {onpcm, onplay, onlost};
    this.clearing = new Map();
    this.clears = 0;
  }

  /** Sound out. Resolves when it may be played. Raises `NoMicrophone` where the browser has no such thing here. */
  async open() {
    if (!globalThis.isSecureContext || !globalThis.AudioWorkletNode) throw new NoMicrophone("insecure");
    if ("audioSession" in navigator) navigator.audioSession.type = "play-and-record"; // iOS: not the silent switch
    this.context = new AudioContext({latencyHint: "interactive"});
    const resumed = this.context.resume();
    await Promise.all(WORKLETS.map((file) => this.context.audioWorklet.addModule(new URL(file, import.meta.url))));
    this.player = new AudioWorkletNode(this.context, "trunkline-playback", {numberOfInputs: 0, outputChannelCount: [1]});
    this.player.port.onmessage = ({data}) => this.#told(data);
    this.player.connect(this.context.destination);
    this.woken = () => document.visibilityState === "visible" && this.context.resume().catch(() => {});
    document.addEventListener("visibilitychange", this.woken);
    await resumed;
  }

  /** Sound in. Raises `NoMicrophone`. */
  async listen() {
    if (!navigator.mediaDevices?.getUserMedia) throw new NoMicrophone("insecure");
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({audio: MICROPHONE});
    } catch (fault) {
      throw new NoMicrophone({NotAllowedError: "refused", SecurityError: "refused", NotReadableError: "busy"}[fault.name]
        ?? "none");
    }
    for (const track of this.stream.getAudioTracks()) track.addEventListener("ended", () => this.hears.onlost());
    const capture = new AudioWorkletNode(this.context, "trunkline-capture", {channelCount: 1, channelCountMode: "explicit"});
    capture.port.onmessage = ({data}) => this.hears.onpcm(data.pcm, data.level);
    this.context.createMediaStreamSource(this.stream).connect(capture);
    capture.connect(this.context.destination); // silent: a node that leads nowhere may not be run
  }

  /** Whether the microphone is silent. */
  set muted(on) {
    for (const track of this.stream?.getAudioTracks() ?? []) track.enabled = !on;
  }

  /** The next audio of an item: 16 bits at 24 kHz. */
  play(item, pcm) {
    this.player?.port.postMessage({item, pcm}, [pcm]);
  }

  /** No more of it comes. */
  end(item) {
    this.player?.port.postMessage({end: item});
  }

  /** Be silent now. Resolves to the item that was played last, how much of it was `heard` (whole milliseconds),
   *  and whether some of it was `left`; null where nothing was. */
  clear() {
    if (!this.player) return Promise.resolve(null);
    const number = this.clears += 1;
    this.player.port.postMessage({clear: number});
    return new Promise((done) => {
      const late = setTimeout(() => this.#cleared({cleared: number, item: null}), CLEAR_MS);
      this.clearing.set(number, (told) => {
        clearTimeout(late);
        done(told.item === null ? null : this.#heard(told));
      });
    });
  }

  close() {
    document.removeEventListener("visibilitychange", this.woken);
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.player?.port.close();
    this.player = this.stream = null;
    this.context?.close().catch(() => {});
  }

  #told(data) {
    if ("cleared" in data) this.#cleared(data);
    else this.hears.onplay(data);
  }

  #cleared(told) {
    this.clearing.get(told.cleared)?.(told);
    this.clearing.delete(told.cleared);
  }

  /** What was handed to the loudspeaker a moment ago is still on its way. */
  #heard({item, played, received}) {
    const late = (this.context.outputLatency || this.context.baseLatency || 0) * 1000;
    return {item, heard: Math.max(0, Math.floor(played - late)), left: received - played > 1};
  }
}
