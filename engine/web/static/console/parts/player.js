/**
 * Plays a call's recording. The element's time is the recording's; everything outside is told seconds of call time.
 *
 *     const player = new Player();
 *     await player.load(`/sessions/${id}/recording`, starts);
 *     player.addEventListener("time", (event) => event.detail);
 */

import {ask, key} from "../../shared/api.js";
import {fill, h} from "../../shared/dom.js";
import {clock, number, t} from "../../shared/i18n.js";
import {icon} from "../icons.js";

const RATES = [1, 1.25, 1.5, 2];

/** `<call-player>`: play, time, pace. */
export class Player extends HTMLElement {
  #audio = h("audio", {preload: "metadata"});
  #starts = 0;
  #url = null;
  #button = h("button.button.primary.play", {type: "button", "aria-label": t("player.play"), onclick: () => this.toggle()}, icon("play"));
  #time = h("span.num.player-time", {}, "0:00");

  connectedCallback() {
    const pace = h("select", {"aria-label": t("player.pace"), onchange: (event) => { this.#audio.playbackRate = Number(event.target.value); }},
      RATES.map((rate) => h("option", {value: rate}, `${number(rate, rate % 1 ? 2 : 0)}×`)));
    fill(this, this.#button, this.#time, pace, this.#audio);
    const follow = () => {
      this.#tell();
      if (!this.#audio.paused) requestAnimationFrame(follow);
    };
    this.#audio.addEventListener("play", () => {
      this.#show("pause");
      follow();
    });
    this.#audio.addEventListener("pause", () => this.#show("play"));
    this.#audio.addEventListener("seeked", () => this.#tell());
    this.#audio.addEventListener("loadedmetadata", () => this.#tell());
  }

  disconnectedCallback() {
    this.#audio.pause();
    this.#audio.removeAttribute("src");
    if (this.#url) URL.revokeObjectURL(this.#url);
  }

  /** The recording at `path`, whose first sample is at `starts`. With a key it is fetched whole: an audio element
   *  cannot send one. */
  async load(path, starts) {
    this.#starts = starts;
    if (key()) {
      this.#url = URL.createObjectURL(await (await ask(path)).blob());
      this.#audio.src = this.#url;
    } else {
      this.#audio.src = path;
    }
  }

  /** Seconds of call time. */
  get at() {
    return this.#audio.currentTime + this.#starts;
  }

  seek(seconds) {
    const end = Number.isFinite(this.#audio.duration) ? this.#audio.duration : Infinity;
    this.#audio.currentTime = Math.min(end, Math.max(0, seconds - this.#starts));
    this.#tell();
  }

  play() {
    return this.#audio.play().catch(() => {}); // a pause that comes at once is no fault
  }

  toggle() {
    if (this.#audio.paused) this.play();
    else this.#audio.pause();
  }

  #show(name) {
    fill(this.#button, icon(name));
    this.#button.setAttribute("aria-label", t(`player.${name}`));
  }

  #tell() {
    const whole = Number.isFinite(this.#audio.duration) ? this.#audio.duration + this.#starts : 0;
    this.#time.textContent = `${clock(this.at)} / ${clock(whole)}`;
    this.dispatchEvent(new CustomEvent("time", {detail: this.at}));
  }
}

customElements.define("call-player", Player);
