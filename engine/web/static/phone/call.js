// One call of a browser to FreeSWITCH: SIP over a WebSocket (RFC 7118), audio by WebRTC.
//
//   const call = new Call({ url: "wss://voice.example.org/sip", number: "5000", name: "Web" });
//   call.addEventListener("state", (event) => show(event.detail.state, event.detail.reason));
//   await call.start(stream);      // from getUserMedia; call.remote is the stream to play
//   call.digit("5"); call.hangUp();
//
// States: connecting, ringing, talking, ended. Of "ended" `code` says why, for programs, and `reason` for people.

import { address, answer, dialled, format, header, parse, sequence } from "./sip.js";

const CONNECT_MS = 8000;
const ANSWER_MS = 60000;
const GATHER_MS = 2000;
const KEEP_ALIVE_MS = 25000;
const ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE";

const REASONS = {
  hungUp: "you hung up",
  over: "the call is over",
  noAnswer: "nobody answered",
  unreachable: "the telephone server cannot be reached",
  lost: "the connection is gone",
  noAudio: "the audio connection broke",
  403: "this page may not call here",
  404: "there is no such number",
  480: "nobody is there at the moment",
  486: "it is busy",
  488: "browser and server have no audio codec in common",
  503: "all lines are in use; try again in a moment",
};

/** Why a call could not be begun; `code` as in "ended". */
class CallFault extends Error {
  constructor(code) {
    super(REASONS[code]);
    this.code = code;
  }
}

export class Call extends EventTarget {
  #options; #socket; #peer; #state = "new"; #timers = new Set();
  #id = token(16); #tag = token(8); #branch = ""; #sequence = 1; #to = ""; #target = ""; #route = []; #acked = ""; #local;

  /** `url` of FreeSWITCH's WebSocket, `number` to call, `name` and `from` of the caller; `ice`: RTCIceServer list. */
  constructor({ url, number, name = "Browser", from = "browser", ice = [] }) {
    super();
    if (!dialled(number)) throw new Error(`${number} is no number that can be called`);
    this.#options = { url, number: dialled(number), name: name.replace(/["\\\r\n]/g, ""), from, ice };
    this.remote = new MediaStream();
    const host = `${token(10)}.invalid`;
    this.#local = { host, uri: `sip:${encodeURIComponent(from)}@${host}` };
    this.#to = `<${this.#uri}>`;
  }

  get state() { return this.#state; }

  /** The peer connection, for statistics. */
  get peer() { return this.#peer; }

  /** Call, with the microphone's `stream`. Resolves when it is answered, rejects with the reason when it is not. */
  async start(stream) {
    this.#become("connecting");
    const answered = new Promise((resolve, reject) => {
      this.addEventListener("state", ({ detail }) => {
        if (detail.state === "talking") resolve();
        if (detail.state === "ended") reject(new Error(detail.reason));
      });
    });
    this.#later(ANSWER_MS, () => this.#end("noAnswer"));
    this.#begin(stream).catch((fault) => this.#end(fault instanceof CallFault ? fault.code : "fault", fault.message));
    return answered;
  }

  /** A key, as RTP event. */
  digit(key) {
    const sender = this.#peer?.getSenders().find((one) => one.dtmf);
    if (/^[0-9*#A-D]$/.test(key)) sender?.dtmf.insertDTMF(key, 120, 70);
  }

  /** End the call. */
  hangUp() {
    if (this.#state === "talking") this.#send("BYE");
    else if (this.#state === "ringing" || this.#state === "connecting") this.#cancel();
    this.#end("hungUp");
  }

  // ------------------------------------------------------------ inside

  async #begin(stream) {
    const peer = this.#peer = new RTCPeerConnection({ iceServers: this.#options.ice });
    for (const track of stream.getAudioTracks()) peer.addTrack(track, stream);
    peer.addEventListener("track", ({ track }) => this.remote.addTrack(track));
    peer.addEventListener("connectionstatechange", () => {
      if (peer.connectionState === "failed") this.#end("noAudio");
    });
    await peer.setLocalDescription(await peer.createOffer());
    await Promise.all([gathered(peer), this.#connect()]);
    if (this.#state !== "connecting") return;
    this.#invite();
  }

  #connect() {
    const socket = this.#socket = new WebSocket(this.#options.url, "sip");
    return new Promise((resolve, reject) => {
      const timer = this.#later(CONNECT_MS, () => reject(new CallFault("unreachable")));
      socket.addEventListener("open", () => { this.#forget(timer); resolve(); });
      socket.addEventListener("message", ({ data }) => this.#receive(String(data)));
      socket.addEventListener("close", () => {
        reject(new CallFault("unreachable"));
        this.#end(this.#state === "connecting" ? "unreachable" : "lost");
      });
      const alive = () => { if (socket.readyState === WebSocket.OPEN) socket.send("\r\n\r\n"); this.#later(KEEP_ALIVE_MS, alive); };
      this.#later(KEEP_ALIVE_MS, alive);
    });
  }

  #invite() {
    this.#branch = `z9hG4bK${token(12)}`;
    this.#socket.send(format(`INVITE ${this.#uri} SIP/2.0`, [
      ...this.#head(this.#branch, "INVITE"), ["Contact", `<${this.#local.uri};transport=ws>`], ["Allow", ALLOW],
      ["User-Agent", "Trunkline page"],
    ], this.#peer.localDescription.sdp));
  }

  get #uri() {
    return `sip:${this.#options.number}@${new URL(this.#options.url, location.href).hostname}`;
  }

  #head(branch, method, to = this.#to) {
    return [
      ["Via", `SIP/2.0/WS ${this.#local.host};branch=${branch}`], ["Max-Forwards", "70"], ["Route", this.#route],
      ["From", `"${this.#options.name}" <${this.#local.uri}>;tag=${this.#tag}`], ["To", to],
      ["Call-ID", this.#id], ["CSeq", `${this.#sequence} ${method}`],
    ];
  }

  /** A request inside the dialog. */
  #send(method) {
    if (method !== "ACK") this.#sequence += 1;
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    this.#socket.send(format(`${method} ${this.#target || this.#uri} SIP/2.0`, this.#head(`z9hG4bK${token(12)}`, method)));
  }

  #cancel() {
    if (this.#branch && this.#socket?.readyState === WebSocket.OPEN)
      this.#socket.send(format(`CANCEL ${this.#uri} SIP/2.0`, this.#head(this.#branch, "CANCEL")));
  }

  #receive(text) {
    const message = parse(text);
    if (!message || header(message, "call-id") !== this.#id) return;
    if (message.status === undefined) this.#asked(message);
    else if (sequence(message).method === "INVITE") this.#answered(message).catch((fault) => this.#end("fault", fault.message));
  }

  /** A request of the other side. */
  #asked(request) {
    if (request.method === "ACK") return;
    const known = request.method === "BYE" || request.method === "INFO" || request.method === "OPTIONS";
    const extra = known ? [] : [["Allow", ALLOW]];
    this.#socket.send(answer(request, known ? 200 : 488, known ? "OK" : "Not Acceptable Here", this.#tag, extra));
    if (request.method === "BYE") this.#end("over");
  }

  /** A response to our INVITE. */
  async #answered(response) {
    const { status } = response;
    if (status < 180) return;
    if (status < 200) {
      if (this.#state === "connecting") this.#become("ringing");
      return;
    }
    this.#to = header(response, "to");
    if (status >= 300) {
      this.#socket.send(format(`ACK ${this.#uri} SIP/2.0`, this.#head(this.#branch, "ACK")));
      this.#end(String(status), `${status} ${response.reason}`);
      return;
    }
    if (this.#acked) { this.#socket.send(this.#acked); return; }
    this.#target = address(header(response, "contact"));
    this.#route = [...(response.headers.get("record-route") ?? [])].reverse();
    this.#acked = format(`ACK ${this.#target} SIP/2.0`, this.#head(`z9hG4bK${token(12)}`, "ACK"));
    this.#socket.send(this.#acked);
    if (this.#state === "ended") { this.#send("BYE"); return; } // hung up while the answer was on its way
    await this.#peer.setRemoteDescription({ type: "answer", sdp: response.body });
    this.#become("talking");
  }

  #become(state, code = "", reason = "") {
    if (this.#state === "ended") return;
    this.#state = state;
    this.dispatchEvent(new CustomEvent("state", { detail: { state, code, reason } }));
  }

  #end(code, told = "") {
    if (this.#state === "ended") return;
    this.#become("ended", code, REASONS[code] ?? told);
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    this.#peer?.close();
    const socket = this.#socket; // a moment for what was sent last
    setTimeout(() => socket?.close(), 500);
  }

  #later(ms, work) {
    const timer = setTimeout(() => { this.#timers.delete(timer); work(); }, ms);
    this.#timers.add(timer);
    return timer;
  }

  #forget(timer) {
    clearTimeout(timer);
    this.#timers.delete(timer);
  }
}

/** Wait for the candidates: SIP has no trickle here. What is there after `GATHER_MS` must do. */
function gathered(peer) {
  if (peer.iceGatheringState === "complete") return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, GATHER_MS);
    peer.addEventListener("icegatheringstatechange", () => {
      if (peer.iceGatheringState === "complete") { clearTimeout(timer); resolve(); }
    });
  });
}

function token(bytes) {
  return Array.from(crypto.getRandomValues(new Uint8Array(bytes)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
