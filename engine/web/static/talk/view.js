/** What one sees of a conversation. Says nothing to the engine: it calls the acts that it is given. */

import {onKeyNeeded} from "../shared/api.js";
import {fill, h} from "../shared/dom.js";
import {clock, has, keep, language, recall, t} from "../shared/i18n.js";
import {icon} from "./icons.js";
import {Choice} from "./choice.js";
import {askForKey} from "./key.js";
import {Lines} from "./lines.js";

const KEPT_HAND = "trunkline.byHand";
const TAP_MS = 300; // a press shorter than this is a tap: the next one ends it
const BARS = [0.5, 0.8, 1, 0.8, 0.5];
const LOUD = 0.16; // root mean square of a loud voice

export class View {
  byHand = recall(KEPT_HAND) === "1";
  #acts;
  #talk = null;
  #painting = 0;
  #downAt = 0;
  #began = 0;
  #clock = null;

  constructor(root, acts, {label}) {
    this.#acts = acts;
    this.choice_ = new Choice(label);
    this.lines = new Lines();
    this.#make();
    onKeyNeeded((why) => askForKey(root, why));
    fill(root, this.frame);
    this.#paint();
  }

  /** {agent, language} that are chosen. */
  get choice() {
    return this.choice_.value;
  }

  /** These agents can be talked to. */
  offer(agents, wanted = "") {
    this.choice_.offer(agents, wanted);
    this.#notice(agents.length ? null : {kind: "agents", told: ""});
    this.start.disabled = this.send.disabled = !this.choice_.ready;
    this.frame.toggleAttribute("data-offered", true);
    this.#paint();
  }

  /** There is nobody to choose from, for this reason. */
  refused(fault) {
    this.#notice({kind: fault.kind, told: fault.told}, () => this.#acts.list());
    this.start.disabled = this.send.disabled = true;
  }

  show(talk) {
    if (this.#talk !== talk) this.#rest();
    this.#talk = talk;
    if (!talk.live) this.#rest();
    else if (!this.#began) {
      this.#began = performance.now();
      this.#clock = setInterval(() => this.#tick(), 1000);
    }
    this.lines.show(talk, this.choice_.name);
    this.#notice(talk.fault);
    this.#paint();
  }

  levels(talk) {
    const {caller, agent} = talk.levels;
    for (const [name, level] of [["caller", caller], ["agent", agent]]) {
      this.frame.style.setProperty(`--${name}-level`, Math.min(1, Math.sqrt(level / LOUD)).toFixed(3));
    }
  }

  // ---------------------------------------------------------------- parts

  #make() {
    this.bars = h("span.bars", {}, BARS.map((height) => h("i", {style: {"--share": height}})));
    this.start = h("button.orb", {type: "button", onclick: () => this.#pressed(), onpointerdown: (event) => this.#down(event),
      onpointerup: () => this.#up(), onpointercancel: () => this.#up(), oncontextmenu: (event) => event.preventDefault(),
      onkeydown: (event) => [" ", "Enter"].includes(event.key) && !event.repeat && this.#down(event),
      onkeyup: (event) => [" ", "Enter"].includes(event.key) && this.#up()});
    this.state = h("p.state", {role: "status"});
    this.time = h("span.clock", {"aria-hidden": "true"});
    this.hint = h("p.hint");
    this.meters = h("div.meters", {"aria-hidden": "true"}, h("span", {}, t("you")), h("b.meter.caller", {}, h("i")),
      h("span.name"), h("b.meter.agent", {}, h("i")));
    this.mute = button("mic", "mute", () => this.#acts.mute(!this.#talk.muted));
    this.hand = button("hand", "byHand", () => this.#setHand(!this.byHand));
    this.skip = button("skip", "interrupt", () => this.#acts.skip());
    this.end = button("end", "end", () => { this.#acts.stop(); this.start.focus(); });
    this.end.classList.add("danger");
    this.notice = h("div.notice-place", {role: "alert"});
    this.field = h("input", {name: "message", autocomplete: "off", "aria-label": t("message"), placeholder: t("messageHint"),
      enterkeyhint: "send", maxlength: 2000});
    this.send = h("button.send", {"aria-label": t("send"), title: t("send")}, icon("send"));
    this.composer = h("form.composer", {onsubmit: (event) => this.#typed(event)}, this.field, this.send);
    this.controls = h("div.controls", {}, h("div.skip-place", {}, this.skip), this.mute, this.hand, this.end);
    this.frame = h("div.frame", {lang: language(), onkeydown: (event) => this.#escape(event)},
      h("div.stage", {},
        h("div.head", {}, h("h2", {}, t("title")), h("p.lead", {}, t("lead"))),
        this.choice_.element,
        h("div.orb-place", {}, h("span.ring.caller"), h("span.ring.agent"), this.start),
        h("div.told", {}, this.state, this.time), this.hint, this.meters, this.controls, this.notice),
      h("div.talked", {}, this.lines.element, this.composer));
  }

  #paint() {
    const talk = this.#talk;
    const phase = talk?.phase ?? "idle";
    const live = Boolean(talk?.live);
    const spoken = live && talk.voice;
    this.frame.dataset.phase = phase;
    this.frame.toggleAttribute("data-live", live);
    this.frame.toggleAttribute("data-spoken", spoken);
    this.frame.toggleAttribute("data-said", Boolean(talk?.transcript.lines.length));
    this.choice_.live(live);
    this.meters.hidden = !spoken;
    this.meters.querySelector(".name").textContent = this.choice_.name || t("agent");
    this.skip.hidden = phase !== "speaking" && phase !== "thinking";
    this.mute.hidden = !spoken || this.byHand;
    this.hand.hidden = !spoken;
    this.end.hidden = !live;
    this.hand.setAttribute("aria-pressed", String(this.byHand));
    if (talk) relabel(this.mute, talk.muted ? "micOff" : "mic", talk.muted ? "unmute" : "mute");
    this.#paintOrb(phase, live, spoken);
    const told = this.#stateText(phase, spoken);
    if (this.state.textContent !== told) this.state.textContent = told;
    this.hint.textContent = phase === "connecting" ? t("allow") : spoken && this.byHand ? t("holdHint") : "";
    this.#tick();
  }

  #paintOrb(phase, live, spoken) {
    const held = spoken && this.byHand;
    const label = held ? "hold" : spoken ? (this.#talk.muted ? "unmute" : "mute")
      : {failed: "again", over: "goOn"}[phase] ?? "start";
    const look = spoken && !this.#talk.muted ? "bars" : this.#talk?.muted && spoken ? "micOff" : "mic";
    if (this.start.dataset.look !== look) {
      this.start.dataset.look = look;
      fill(this.start, look === "bars" ? this.bars : icon(look));
    }
    this.start.setAttribute("aria-label", t(label));
    this.start.title = t(label);
    if (held) this.start.setAttribute("aria-pressed", String(this.#talk.pressed));
    else this.start.removeAttribute("aria-pressed");
    this.frame.toggleAttribute("data-held", held);
  }

  #stateText(phase, spoken) {
    if (phase === "listening" && !spoken) return t("phase.written");
    if (phase === "listening" && this.byHand) return t("hold");
    if (phase === "listening" && this.#talk.muted) return t("phase.muted");
    return t({idle: "start", failed: "again", over: "goOn"}[phase] ?? `phase.${phase}`); // else it is the button's name
  }

  #rest() {
    this.#began = 0;
    clearInterval(this.#clock);
  }

  #tick() {
    this.time.textContent = this.#began ? clock((performance.now() - this.#began) / 1000) : "";
  }

  #notice(fault, again = null) {
    const key = fault ? JSON.stringify(fault) : "";
    if (this.notice.dataset.fault === key) return;
    this.notice.dataset.fault = key;
    if (!fault) return void fill(this.notice);
    const tone = ["goodbye", "expired"].includes(fault.kind) ? "" : fault.kind === "reply" ? "warn" : "bad";
    const text = has(`fault.${fault.kind}`) ? t(`fault.${fault.kind}`) : t("fault.engine");
    fill(this.notice, h("div.notice", {class: tone}, h("p", {}, text),
      fault.told ? h("p.soft.small", {lang: "en"}, fault.told) : null,
      again ? h("button.button", {type: "button", onclick: again}, t("again")) : null));
    this.notice.scrollIntoView({block: "nearest"});
  }

  // ---------------------------------------------------------------- acts

  #pressed() {
    const talk = this.#talk;
    if (!talk?.live || !talk.voice) this.#acts.start();
    else if (!this.byHand) this.#acts.mute(!talk.muted);
  }

  get #held() {
    return Boolean(this.#talk?.live && this.#talk.voice && this.byHand);
  }

  #down(event) {
    if (!this.#held || event.button > 0) return;
    event.preventDefault();
    this.start.focus();
    if (event.pointerId !== undefined) this.start.setPointerCapture(event.pointerId);
    if (this.#talk.pressed) { // tapped before
      this.#downAt = 0;
      this.#acts.release();
      return;
    }
    this.#downAt = performance.now();
    this.#acts.press();
  }

  #up() {
    if (!this.#held || !this.#downAt) return;
    if (performance.now() - this.#downAt > TAP_MS) this.#acts.release();
    this.#downAt = 0;
  }

  #setHand(on) {
    this.byHand = on;
    keep(KEPT_HAND, on ? "1" : "");
    this.#acts.byHand(on);
  }

  #typed(event) {
    event.preventDefault();
    const text = this.field.value.trim();
    if (!text) return;
    this.field.value = "";
    this.#acts.type(text);
  }

  #escape(event) {
    if (event.key === "Escape" && this.#talk?.phase === "speaking") this.#acts.skip();
  }
}

function button(name, key, onclick) {
  return relabel(h("button.button", {type: "button", onclick}), name, key);
}

function relabel(element, name, key) {
  if (element.dataset.key !== key) fill(element, icon(name), h("span", {}, t(key)));
  element.title = t(key);
  element.dataset.key = key;
  return element;
}
