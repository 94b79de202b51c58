/**
 * The picture of a call over time: both waveforms, who spoke when, turns, interruptions, and where the player is.
 *
 *     const timeline = new Timeline();
 *     timeline.show(report); timeline.wave(peaks); timeline.at = 12.4;
 *     timeline.addEventListener("seek", (event) => event.detail)      // seconds of call time
 */

import {fill, h} from "../../shared/dom.js";
import {clock, t} from "../../shared/i18n.js";

const LANE = 74;
const GAP = 6;
const MARKS = 26;
const RULER = 22;
const HEIGHT = 2 * LANE + GAP + MARKS + RULER;
const STEPS = [0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800];
const LABEL_PX = 64;
const CLOSEST_S = 2;
const LOUDEST_GAIN = 8;

/** `<call-timeline>`: a slider over the call's time. */
export class Timeline extends HTMLElement {
  #report = null;
  #peaks = [];
  #seconds = 0; // of the recording
  #gain = 1;
  #length = 1;
  #from = 0;
  #to = 1;
  #at = 0;
  #colours = null;
  #canvas = h("canvas", {"aria-hidden": "true"});
  #cursor = h("div.timeline-cursor", {hidden: true});
  #bar = h("div.timeline-bar", {"aria-hidden": "true"}, h("i"));
  #asked = 0;
  #watch = null;

  connectedCallback() {
    if (!this.firstChild) this.#build();
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    const repaint = () => {
      this.#colours = null;
      this.#redraw();
    };
    const size = new ResizeObserver(() => this.#redraw());
    const theme = new MutationObserver(repaint);
    size.observe(this);
    theme.observe(document.documentElement, {attributeFilter: ["data-theme"]});
    scheme.addEventListener("change", repaint);
    this.#watch = () => {
      size.disconnect();
      theme.disconnect();
      scheme.removeEventListener("change", repaint);
      cancelAnimationFrame(this.#asked);
    };
  }

  disconnectedCallback() {
    this.#watch?.();
  }

  /** Spans, turns and interruptions of a report. */
  show(report) {
    const whole = this.#from === 0 && this.#to === this.#length;
    this.#report = report;
    this.#measure(whole);
  }

  /** The peaks as the engine tells them: {seconds, channels: [base64 of pairs of signed bytes]}. */
  wave({seconds, channels}) {
    const whole = this.#from === 0 && this.#to === this.#length;
    this.#seconds = seconds;
    this.#peaks = channels.map((text) => Int8Array.from(atob(text), (letter) => letter.charCodeAt(0)));
    const loudest = Math.max(1, ...this.#peaks.map((channel) => channel.reduce((most, one) => Math.max(most, Math.abs(one)), 0)));
    this.#gain = Math.min(LOUDEST_GAIN, 127 / loudest);
    this.#measure(whole);
  }

  /** Seconds of call time at which the player is. */
  set at(seconds) {
    this.#at = seconds;
    const span = this.#to - this.#from;
    if (seconds > this.#to || seconds < this.#from) this.#look(seconds - span * 0.1, span);
    this.#place();
  }

  get at() {
    return this.#at;
  }

  /** Show `factor` times as much of the call, around the player; 0: all of it. */
  zoom(factor) {
    if (!factor) return this.#look(0, this.#length);
    const span = this.#to - this.#from;
    const anchor = this.#at >= this.#from && this.#at <= this.#to ? this.#at : (this.#from + this.#to) / 2;
    return this.#look(anchor - (anchor - this.#from) * factor, span * factor);
  }

  #build() {
    this.tabIndex = 0;
    this.setAttribute("role", "slider");
    this.setAttribute("aria-label", t("timeline.label"));
    this.setAttribute("aria-valuemin", "0");
    fill(this, h("div.timeline-lanes", {}, this.#canvas, h("span.lane-name.caller", {"aria-hidden": "true"}, t("who.caller")),
      h("span.lane-name.agent", {"aria-hidden": "true"}, t("who.agent")), this.#cursor), this.#bar);
    this.#canvas.addEventListener("pointerdown", (event) => this.#press(event));
    this.addEventListener("wheel", (event) => this.#wheel(event), {passive: false});
  }

  #measure(whole) {
    const starts = this.#report?.recording_starts ?? 0;
    this.#length = Math.max(1, this.#report?.seconds ?? 0, starts + this.#seconds);
    this.setAttribute("aria-valuemax", this.#length.toFixed(1));
    if (whole) this.#look(0, this.#length);
    else this.#redraw();
  }

  #look(from, span) {
    const wide = Math.min(this.#length, Math.max(CLOSEST_S, span));
    this.#from = Math.min(Math.max(0, from), this.#length - wide);
    this.#to = this.#from + wide;
    this.#redraw();
  }

  #press(event) {
    const seconds = (pointer) => this.#from + (pointer.offsetX / this.#canvas.clientWidth) * (this.#to - this.#from);
    const tell = (pointer) => this.dispatchEvent(new CustomEvent("seek", {detail: Math.min(this.#length, Math.max(0, seconds(pointer)))}));
    tell(event);
    this.#canvas.setPointerCapture(event.pointerId);
    this.#canvas.onpointermove = tell;
    this.#canvas.onpointerup = () => { this.#canvas.onpointermove = null; };
  }

  /** With Ctrl: nearer or farther, at the pointer; sideways: along. */
  #wheel(event) {
    const span = this.#to - this.#from;
    if (event.ctrlKey) {
      event.preventDefault();
      const share = event.offsetX / this.clientWidth;
      const factor = event.deltaY > 0 ? 1.25 : 0.8;
      const at = this.#from + span * share;
      this.#look(at - span * factor * share, span * factor);
    } else if (Math.abs(event.deltaX) > Math.abs(event.deltaY) && span < this.#length) {
      event.preventDefault();
      this.#look(this.#from + (event.deltaX / this.clientWidth) * span, span);
    }
  }

  #redraw() {
    cancelAnimationFrame(this.#asked);
    this.#asked = requestAnimationFrame(() => this.#draw());
  }

  #x(seconds) {
    return ((seconds - this.#from) / (this.#to - this.#from)) * this.#canvas.clientWidth;
  }

  #place() {
    this.setAttribute("aria-valuenow", this.#at.toFixed(1));
    this.setAttribute("aria-valuetext", `${clock(this.#at)} / ${clock(this.#length)}`);
    this.#cursor.hidden = this.#at < this.#from || this.#at > this.#to;
    this.#cursor.style.setProperty("transform", `translateX(${this.#x(this.#at)}px)`);
    const bar = this.#bar.firstChild;
    bar.style.setProperty("left", `${(this.#from / this.#length) * 100}%`);
    bar.style.setProperty("width", `${((this.#to - this.#from) / this.#length) * 100}%`);
    this.#bar.classList.toggle("zoomed", this.#to - this.#from < this.#length - 0.01);
  }

  #draw() {
    const width = this.#canvas.clientWidth;
    if (!width || !this.#report) return;
    const scale = devicePixelRatio || 1;
    this.#canvas.width = Math.round(width * scale);
    this.#canvas.height = Math.round(HEIGHT * scale);
    const pen = this.#canvas.getContext("2d");
    pen.scale(scale, scale);
    const colours = this.#colours ??= colour(this, ["caller", "agent", "turn", "bad", "warn", "soft", "line", "card"]);
    this.#ruler(pen, colours, width);
    this.#lane(pen, colours.caller, 0, this.#report.caller_speech, this.#peaks[0], width, colours);
    this.#lane(pen, colours.agent, LANE + GAP, this.#report.agent_speech, this.#peaks[1], width, colours);
    this.#marks(pen, colours);
    this.#place();
  }

  #ruler(pen, colours, width) {
    const span = this.#to - this.#from;
    const step = STEPS.find((seconds) => (width * seconds) / span >= LABEL_PX) ?? 3600;
    pen.font = "11px system-ui, sans-serif";
    pen.textBaseline = "middle";
    for (let at = Math.ceil(this.#from / step) * step; at <= this.#to; at += step) {
      const x = Math.round(this.#x(at)) + 0.5;
      pen.strokeStyle = colours.line;
      pen.beginPath();
      pen.moveTo(x, 0);
      pen.lineTo(x, HEIGHT - RULER + 5);
      pen.stroke();
      if (x > width - 30) continue;
      pen.fillStyle = colours.soft;
      pen.fillText(step < 1 ? `${clock(at)}.${Math.round((at % 1) * 10)}` : clock(at), x + 4, HEIGHT - RULER / 2 + 2);
    }
  }

  #lane(pen, colour_, top, spans, peaks, width, colours) {
    const middle = top + LANE / 2;
    pen.fillStyle = colour_;
    pen.globalAlpha = 0.13;
    for (const {start, end} of spans) {
      const [left, right] = [this.#x(start), this.#x(end)];
      if (right >= 0 && left <= width) pen.fillRect(left, top, Math.max(1, right - left), LANE);
    }
    pen.globalAlpha = 1;
    if (peaks?.length) this.#peaksOf(pen, peaks, middle, width);
    pen.fillStyle = colours.line;
    pen.fillRect(0, top + LANE, width, 1);
  }

  #peaksOf(pen, peaks, middle, width) {
    const columns = peaks.length / 2;
    const starts = this.#report.recording_starts;
    const perPixel = (this.#to - this.#from) / width;
    const place = (x) => ((this.#from + x * perPixel - starts) / this.#seconds) * columns;
    const half = (LANE / 2 - 4) * (this.#gain / 128);
    pen.beginPath();
    for (let x = 0; x < width; x += 1) {
      const first = Math.floor(place(x));
      const last = Math.max(first + 1, Math.floor(place(x + 1)));
      if (last <= 0 || first >= columns) continue;
      let [low, high] = [0, 0];
      for (let at = Math.max(0, first); at < Math.min(columns, last); at += 1) {
        low = Math.min(low, peaks[2 * at]);
        high = Math.max(high, peaks[2 * at + 1]);
      }
      pen.rect(x, middle - high * half - 0.4, 1, (high - low) * half + 0.8);
    }
    pen.fill();
  }

  #marks(pen, colours) {
    const top = 2 * LANE + GAP + 3;
    const tones = {cut: colours.bad, resumed: colours.warn};
    for (const item of this.#report.interruptions) {
      const start = item.onset ?? item.paused ?? item.ended ?? 0;
      const [left, right] = [this.#x(start), this.#x(item.ended ?? start)];
      pen.fillStyle = tones[item.outcome] ?? colours.soft;
      pen.fillRect(left, top + 18, Math.max(3, right - left), 4);
    }
    pen.textAlign = "center";
    pen.font = "600 10px system-ui, sans-serif";
    let reached = -Infinity;
    for (const turn of this.#report.turns) {
      const x = this.#x(turn.decided);
      pen.fillStyle = colours.turn;
      pen.fillRect(x - 0.75, 0, 1.5, top);
      if (x - reached < 17) continue; // too near to be read
      reached = x;
      pen.beginPath();
      pen.arc(x, top + 8, 8, 0, 7);
      pen.fill();
      pen.fillStyle = colours.card;
      pen.fillText(String(turn.number), x, top + 8.5);
    }
    pen.textAlign = "start";
  }
}

customElements.define("call-timeline", Timeline);

/** What `var(--name)` is now, in the colour scheme of the moment. */
function colour(host, names) {
  const probe = h("span", {hidden: true});
  host.append(probe);
  const found = Object.fromEntries(names.map((name) => {
    probe.style.setProperty("color", `var(--${name})`);
    return [name, getComputedStyle(probe).color];
  }));
  probe.remove();
  return found;
}
