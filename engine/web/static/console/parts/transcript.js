/** What was said, line by line; the line that is being played is marked and kept in sight. */

import {h, reconcile} from "../../shared/dom.js";
import {clock, t} from "../../shared/i18n.js";

/** `<call-transcript>`: `show(lines)`, `follow(seconds)`; tells `seek`. */
export class Transcript extends HTMLElement {
  #lines = [];
  #list = h("ol");
  #now = null;
  #live = h("p.line.live", {hidden: true});

  connectedCallback() {
    this.replaceChildren(this.#list, this.#live);
    this.tabIndex = 0;
    this.setAttribute("role", "region");
    this.setAttribute("aria-label", t("call.transcript"));
  }

  /** The transcript of a report. */
  show(lines) {
    this.#lines = lines;
    reconcile(this.#list, lines, (line) => `${line.who}${line.start}`, (line) => this.#row(line), (row, line) => {
      if (row.dataset.text !== line.text) row.replaceChildren(...this.#row(line).children);
    });
  }

  /** Words that may change yet: {who, words, partial} of a live call. */
  live({who, words, partial}) {
    this.#live.hidden = !partial || !words;
    if (!this.#live.hidden) {
      this.#live.className = `line live ${who}`;
      this.#live.replaceChildren(h("em", {}, t(`who.${who}`)), h("q", {}, words));
    }
  }

  /** Show which line is heard at `seconds`. */
  follow(seconds) {
    let index = -1;
    while (index + 1 < this.#lines.length && this.#lines[index + 1].start <= seconds + 0.02) index += 1;
    const row = this.#list.children[index] ?? null;
    if (row === this.#now) return;
    this.#now?.classList.remove("now");
    this.#now = row;
    if (!row) return;
    row.classList.add("now");
    const [box, inner] = [this.getBoundingClientRect(), row.getBoundingClientRect()];
    if (inner.top < box.top || inner.bottom > box.bottom) this.scrollTop += inner.top - box.top - box.height / 3;
  }

  /** The last line, for a call that goes on. */
  end() {
    this.scrollTop = this.scrollHeight;
  }

  #row(line) {
    const seek = () => this.dispatchEvent(new CustomEvent("seek", {detail: line.start}));
    return h("li", {class: line.who, dataset: {text: line.text}}, h("button.line", {type: "button", onclick: seek},
      h("time", {}, clock(line.start)), h("em", {}, t(`who.${line.who}`)),
      h("q", {}, line.text, line.interrupted ? h("span.cutoff", {}, ` — ${t("call.cut")}`) : null)));
  }
}

customElements.define("call-transcript", Transcript);
