/** The transcript as one sees it. A screen reader is told what is written, not what is heard anyway. */

import {fill, h, reconcile} from "../shared/dom.js";
import {t} from "../shared/i18n.js";

const NEAR_PX = 60;

export class Lines {
  #list = h("ol.lines");
  #told = h("p.visually-hidden", {role: "status"});
  #agent = "";

  constructor() {
    this.element = h("div.lines-place", {tabindex: "0", role: "region", "aria-label": t("said")}, this.#list, this.#told);
  }

  /** The lines of `talk`; `agent`: what the agent is called. */
  show(talk, agent) {
    this.#agent = agent;
    const place = this.element;
    const near = place.scrollHeight - place.scrollTop - place.clientHeight < NEAR_PX;
    reconcile(this.#list, talk.transcript.lines, (line) => line.id, (line) => this.#make(line, talk), (element, line) => this.#update(element, line));
    if (near) place.scrollTop = place.scrollHeight;
    if (!talk.voice) this.#tell(talk.transcript.lines.at(-1));
  }

  #make(line, talk) {
    const element = h("li.line", {class: line.who}, h("span.visually-hidden", {}, `${line.who === "caller" ? t("you") : this.#agent || t("agent")}: `),
      h("p.words", {lang: talk.language || null, dir: "auto"}), h("span.cut", {hidden: true}, t("cut")), h("div.sources", {hidden: true}));
    this.#update(element, line);
    return element;
  }

  #update(element, line) {
    const words = element.querySelector(".words");
    if (words.textContent !== line.text) words.textContent = line.text;
    element.classList.toggle("partial", line.partial && line.who === "caller");
    element.classList.toggle("empty", !line.text);
    element.querySelector(".cut").hidden = !line.cut;
    const sources = element.querySelector(".sources");
    const key = line.sources.map((one) => one.chunk_id ?? one.title).join();
    if (sources.dataset.key === key || (!key && !sources.dataset.key)) return;
    sources.dataset.key = key;
    sources.hidden = !key;
    fill(sources, h("span.visually-hidden", {}, `${t("sources")}: `), line.sources.map(source));
  }

  #tell(line) {
    if (line?.who === "agent" && !line.partial && this.#told.textContent !== line.text) this.#told.textContent = line.text;
  }
}

function source(one, place) {
  const where = [...[one.heading ?? []].flat(), one.page ? t("page", {page: one.page}) : ""].filter(Boolean).join(" › ");
  return h("details.source", {}, h("summary", {}, h("span.num", {}, place + 1), one.title || one.document || one.chunk_id),
    h("blockquote", {}, where ? h("b", {}, where) : null, h("p", {}, one.snippet ?? "")));
}
