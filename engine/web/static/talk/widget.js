/**
 * `<trunkline-talk agent="support">`: talk to an agent, on any page.
 *
 *     <script type="module" src="https://voice.example.org/static/talk/widget.js"></script>
 *
 * Attributes: agent, language (of the conversation), lang (of the texts), theme (light, dark), label (a name to show),
 * server (default: where this file comes from), secret-url (where the site's own server makes secrets).
 * Events: `phase` (detail: {phase, fault}), `line` (detail: the line that was said). Docs: docs/operator/talk-page.md.
 */

import {agents} from "./connection.js";
import {load} from "../shared/i18n.js";
import {Talk} from "./talk.js";
import {View} from "./view.js";

const SHEETS = ["../shared/tokens.css", "../shared/base.css", "./talk.css"];

let sheets = null;
let texts = null;

/** The sheets of our pages, for the inside of an element: what is said of the page is said of the element. */
async function styled() {
  return Promise.all(SHEETS.map(async (file) => {
    const sheet = new CSSStyleSheet();
    const text = await (await fetch(new URL(file, import.meta.url))).text();
    await sheet.replace(text.replace(/:root(\[[^\]]*\])/g, ":host($1)").replace(/:root/g, ":host")
      .replace(/data-theme=/g, "theme="));
    return sheet;
  }));
}

export class TrunklineTalk extends HTMLElement {
  static observedAttributes = ["theme"];

  talk = null;
  #view = null;
  #told = new Set();

  async connectedCallback() {
    if (this.#view) return;
    const root = this.shadowRoot ?? this.attachShadow({mode: "open", delegatesFocus: true});
    texts ??= load((code) => import(`./texts/${code}.js`), {wanted: this.getAttribute("lang") ?? "", page: false});
    sheets ??= styled();
    await texts;
    root.adoptedStyleSheets = await sheets;
    if (!this.isConnected || this.#view) return;
    this.#view = new View(root, {
      start: () => this.#now().start(), stop: () => this.talk?.stop(), type: (text) => this.#now().type(text),
      skip: () => this.talk?.skip(), mute: (on) => this.talk?.mute(on), byHand: (on) => this.#byHand(on),
      press: () => this.talk?.press(), release: () => this.talk?.release(), list: () => this.#list(),
    }, {label: this.getAttribute("label") ?? ""});
    await this.#list();
  }

  disconnectedCallback() {
    queueMicrotask(() => {
      if (this.isConnected) return; // it was moved
      this.talk?.stop();
    });
  }

  get server() {
    return (this.getAttribute("server") ?? new URL(import.meta.url).origin).replace(/\/$/, "");
  }

  /** Whom one can talk to. A site with secrets of its own names the agent itself. */
  async #list() {
    const wanted = this.getAttribute("agent") ?? "";
    if (this.hasAttribute("secret-url")) {
      this.#view.offer([{name: wanted, description: "", ready: true, languages: [this.getAttribute("language") ?? ""]}]);
      return;
    }
    try {
      const there = (await agents(this.server)).filter((one) => !wanted || one.name === wanted);
      this.#view.offer(there, this.getAttribute("language") ?? "");
      this.dispatchEvent(new CustomEvent("ready", {bubbles: true}));
    } catch (fault) {
      this.#view.refused(fault);
    }
  }

  /** The conversation, or a new one where another agent or language was chosen since. */
  #now() {
    const {agent, language} = this.#view.choice;
    if (this.talk && (this.talk.live || (this.talk.agent === agent && this.talk.language === language))) return this.talk;
    const talk = new Talk({server: this.server, secretUrl: this.getAttribute("secret-url") ?? "", agent, language});
    Object.assign(talk, {agent, language, byHand: this.talk?.byHand ?? this.#view.byHand});
    talk.addEventListener("change", () => this.#changed());
    talk.addEventListener("level", () => this.#view.levels(talk));
    talk.addEventListener("truncate", ({detail}) => this.dispatchEvent(new CustomEvent("truncate", {detail})));
    this.#told.clear();
    this.talk = talk;
    return talk;
  }

  #byHand(on) {
    this.#now().pressToTalk(on);
  }

  #changed() {
    const {talk} = this;
    this.#view.show(talk);
    if (this.dataset.phase !== talk.phase) {
      this.dataset.phase = talk.phase;
      this.dispatchEvent(new CustomEvent("phase", {detail: {phase: talk.phase, fault: talk.fault}, bubbles: true}));
    }
    for (const line of talk.transcript.lines) {
      if (line.partial || !line.text || this.#told.has(line.id)) continue;
      this.#told.add(line.id);
      this.dispatchEvent(new CustomEvent("line", {detail: {...line}, bubbles: true}));
    }
  }
}

customElements.define("trunkline-talk", TrunklineTalk);
