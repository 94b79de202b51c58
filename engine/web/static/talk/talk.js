/**
 * One conversation: what the reader does and what the server says become sound, lines and a phase. Knows no markup.
 *
 *     const talk = new Talk({server, agent, language, secretUrl});
 *     talk.addEventListener("change", () => show(talk.phase, talk.transcript.lines));
 *     await talk.start();
 *
 * Phases: idle, connecting, listening, hearing (the reader speaks), thinking, speaking (the agent does), waiting (the
 * connection is gone and will be back), failed and over (`talk.fault` says why).
 */

import {NoSession, connect} from "./connection.js";
import {NoMicrophone, Sound} from "./audio/sound.js";
import {Transcript} from "./transcript.js";

const PAUSES_MS = [500, 1000, 2000, 4000, 8000, 8000];
const SHORTEST_PRESS_MS = 200;
const TEXT = {output_modalities: ["text"]};
const VOICE = {output_modalities: ["audio"]};

export class Talk extends EventTarget {
  transcript = new Transcript();
  phase = "idle";
  fault = null; // {kind, told}
  voice = false; // with microphone and loudspeaker, or in writing only
  byHand = false; // the reader says when a turn ends
  pressed = false;
  muted = false;
  played = {item: null, ms: 0, total: 0}; // of the agent's voice: in this item, and in all
  levels = {caller: 0, agent: 0};
  #way;
  #sound = null;
  #connection = null;
  #detection = null;
  #response = null; // {id, item, done} the newest
  #gone = new Set(); // responses that are not to be heard any more
  #caller = false; // the caller's voice is open
  #playing = false;
  #sentMs = 0;
  #waitingToAsk = false;
  #attempt = 0; // which connection is wanted

  /** `way`: server, secretUrl, agent, language. */
  constructor(way) {
    super();
    this.#way = way;
  }

  get live() {
    return !["idle", "failed", "over"].includes(this.phase);
  }

  /** Begin to talk, with the microphone. Call it while a press is handled. */
  async start() {
    if (this.live && this.voice) return;
    const sound = this.#sound = new Sound({
      onpcm: (pcm, level) => this.#heard(pcm, level), onplay: (told) => this.#plays(told),
      onlost: () => this.#fail(new NoSession("unplugged")),
    });
    const written = this.live;
    if (!written) this.#become("connecting");
    try {
      await sound.open();
      await sound.listen();
    } catch (fault) {
      sound.close();
      if (this.#sound !== sound) return;
      this.#sound = null;
      if (!(fault instanceof NoMicrophone)) throw fault;
      if (written) this.#tell({kind: fault.kind, told: ""});
      else this.#fail(new NoSession(fault.kind));
      return;
    }
    if (this.#sound !== sound) return void sound.close(); // ended meanwhile
    this.voice = true;
    sound.muted = this.muted;
    this.fault = null;
    if (written) this.#configure();
    else await this.#begin();
  }

  /** Say something in writing; begins a conversation in writing where there is none. */
  async type(text) {
    if (!this.live) {
      this.voice = false;
      await this.#begin();
      if (!this.#connection) return;
    }
    await this.skip();
    const id = `typed_${crypto.getRandomValues(new Uint32Array(2)).join("")}`;
    this.transcript.typed(id, text);
    this.#send("conversation.item.create", {item: {id, type: "message", role: "user", content: [{type: "input_text", text}]}});
    if (this.#connection) this.#respond();
    else this.#waitingToAsk = true; // it is told with the rest of what was said
    this.#changed();
  }

  /** Make the agent be silent; of what it said counts what was heard. */
  async skip() {
    const response = this.#response;
    if (response && !response.done) {
      this.#gone.add(response.id);
      this.#send("response.cancel");
    }
    await this.#silence();
  }

  stop() {
    this.#leave();
    this.fault = null;
    this.#become("idle");
  }

  mute(on) {
    this.muted = on;
    if (this.#sound) this.#sound.muted = on;
    if (on) this.levels.caller = 0;
    this.#changed();
  }

  /** Whether the reader says when a turn ends: by pressing and letting go. */
  pressToTalk(on) {
    this.byHand = on;
    this.pressed = false;
    if (this.#connection) this.#configure();
    this.#changed();
  }

  async press() {
    if (!this.byHand || this.pressed || !this.#connection) return;
    this.pressed = true;
    this.#sentMs = 0;
    this.#changed();
    await this.skip();
  }

  release() {
    if (!this.pressed) return;
    this.pressed = false;
    if (this.#sentMs >= SHORTEST_PRESS_MS) {
      this.#send("input_audio_buffer.commit");
      this.#respond();
    } else {
      this.#send("input_audio_buffer.clear");
    }
    this.#settlePhase();
  }

  // ---------------------------------------------------------------- the connection

  async #begin() {
    const attempt = this.#attempt += 1;
    this.fault = null;
    this.#become("connecting");
    try {
      await this.#connect(attempt, this.voice && !this.transcript.lines.length);
    } catch (fault) {
      if (attempt === this.#attempt) this.#fail(fault);
    }
  }

  async #connect(attempt, greet) {
    const connection = await connect({...this.#way, greet}, {
      onevent: (event) => attempt === this.#attempt && this.#take(event),
      onclose: (fault) => attempt === this.#attempt && this.#lost(fault, attempt),
    });
    if (attempt !== this.#attempt) return void connection.close();
    this.#connection = connection;
    this.#detection = connection.session.audio?.input?.turn_detection ?? {type: "server_vad"};
    this.#configure();
    for (const item of this.transcript.items()) this.#send("conversation.item.create", {item});
    if (this.#waitingToAsk) this.#respond();
    this.#settlePhase();
  }

  #configure() {
    const session = {type: "realtime", ...(this.voice ? VOICE : TEXT), audio: {input: {
      transcription: {model: "whisper-1"}, turn_detection: this.byHand ? null : this.#detection,
    }}};
    this.#send("session.update", {session});
  }

  /** It broke: be back, sooner at first, with what was said. */
  async #lost(fault, attempt) {
    this.#forget();
    this.#connection = null;
    if (!fault.again) return void this.#fail(fault);
    this.#become("waiting");
    for (const pause of PAUSES_MS) {
      await new Promise((wake) => setTimeout(wake, pause * (0.75 + Math.random() / 2)));
      if (attempt !== this.#attempt) return;
      try {
        await this.#connect(attempt, false);
        return;
      } catch (next) {
        if (attempt !== this.#attempt) return;
        fault = next;
        if (!fault.again) break;
      }
    }
    this.#fail(fault);
  }

  #forget() {
    this.#response = null;
    this.#gone.clear();
    this.#caller = this.#playing = this.pressed = this.#waitingToAsk = false;
    this.transcript.settle();
    this.#sound?.clear();
  }

  #leave() {
    this.#attempt += 1;
    this.#forget();
    this.#connection?.close();
    this.#sound?.close();
    this.#connection = this.#sound = null;
    this.voice = false;
    this.levels = {caller: 0, agent: 0};
  }

  #fail(fault) {
    if (!(fault instanceof NoSession)) throw fault;
    this.#leave();
    this.fault = {kind: fault.kind, told: fault.told};
    this.#become(["goodbye", "expired"].includes(fault.kind) ? "over" : "failed");
  }

  #send(type, fields) {
    this.#connection?.send(type, fields);
  }

  // ---------------------------------------------------------------- what happens

  #take(event) {
    Talk.#handlers[event.type]?.call(this, event);
    if (this.transcript.take(event)) this.#changed();
    this.#settlePhase();
  }

  static #handlers = {
    "response.created"({response}) {
      this.#response = {id: response.id, item: null, done: false};
    },
    "response.output_item.added"({response_id: id, item}) {
      if (this.#response?.id === id && item.type === "message") this.#response.item = item.id;
    },
    "response.output_audio.delta"({response_id: id, item_id: item, delta}) {
      if (!this.#gone.has(id)) this.#sound?.play(item, bytes(delta));
    },
    "response.output_audio.done"({item_id: item}) {
      this.#sound?.end(item);
    },
    "response.done"({response}) {
      if (this.#response?.id === response.id) this.#response.done = true;
      if (response.status === "failed") this.#tell({kind: "reply", told: response.status_details?.error?.message ?? ""});
      if (this.#waitingToAsk) this.#respond();
    },
    "input_audio_buffer.speech_started"() {
      this.#caller = true;
      this.fault = null;
      if (this.#response) this.#gone.add(this.#response.id);
      this.#silence();
    },
    "input_audio_buffer.speech_stopped"() {
      this.#caller = false;
    },
    "conversation.item.truncated"({item_id: id}) {
      this.#send("conversation.item.retrieve", {item_id: id}); // with the words that were heard
    },
    error({error}) {
      if (error.code === "conversation_already_has_active_response") this.#waitingToAsk = true;
      else if (error.type === "server_error") this.#tell({kind: "engine", told: error.message});
    },
  };

  #respond() {
    this.#waitingToAsk = false;
    this.#send("response.create");
  }

  /** Stop playing, and tell the server how much was heard. */
  async #silence() {
    const response = this.#response;
    const begun = response && !response.done && this.#sound ? response.item : null; // by now it may be over
    const cut = await this.#sound?.clear();
    this.#playing = false;
    this.levels.agent = 0;
    if (cut && (cut.left || begun === cut.item)) this.#truncate(cut.item, cut.heard);
    if (begun && begun !== cut?.item) {
      this.#truncate(begun, 0); // it was about to begin
      this.transcript.heard(begun, "");
    }
    this.#settlePhase();
  }

  #truncate(item, ms) {
    this.#send("conversation.item.truncate", {item_id: item, content_index: 0, audio_end_ms: ms});
    this.dispatchEvent(new CustomEvent("truncate", {detail: {item, ms}}));
  }

  /** 40 ms of the microphone. */
  #heard(pcm, level) {
    this.levels.caller = this.muted || (this.byHand && !this.pressed) ? 0 : level;
    this.dispatchEvent(new Event("level"));
    if (!this.#connection || (this.byHand && !this.pressed)) return;
    this.#sentMs += 40;
    this.#send("input_audio_buffer.append", {audio: base64(pcm)});
  }

  #plays({item, played, level, playing}) {
    const before = this.played.item === item ? this.played.ms : 0;
    this.played = {item, ms: played, total: this.played.total + played - before};
    this.levels.agent = level;
    this.#playing = playing;
    this.dispatchEvent(new Event("level"));
    this.#settlePhase();
  }

  #settlePhase() {
    if (!this.#connection) return;
    if (this.#caller || this.pressed) this.#become("hearing");
    else if (this.#playing) this.#become("speaking");
    else if (this.#response && !this.#response.done) this.#become("thinking");
    else this.#become("listening");
  }

  #become(phase) {
    if (phase === this.phase) return;
    this.phase = phase;
    this.#changed();
  }

  /** A fault that the conversation survives. */
  #tell(fault) {
    this.fault = fault;
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}

function bytes(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer;
}

function base64(buffer) {
  return btoa(String.fromCharCode(...new Uint8Array(buffer)));
}
