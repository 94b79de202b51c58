/** The knowledge base: what would be answered to a question, from which passage and why; collections and documents. */

import {get, send} from "../../shared/api.js";
import {fill, h} from "../../shared/dom.js";
import {languageName, moment, number, t} from "../../shared/i18n.js";
import {Documents} from "../parts/documents.js";
import {chip, decision} from "../parts/turns.js";
import {View, faultNotice, head, loading, tile} from "../view.js";

const PASSAGES = 6;
const PARTS = ["meaning", "words", "bm25", "fused"];
const BYTES = 1e6;

class KnowledgeView extends View {
  #tiles = h("div.tiles");
  #about = h("p.soft.small");
  #documents = null;

  async open() {
    fill(this, head(t("nav.knowledge")), loading());
    const {collections} = await get("/api/kb/collections");
    const chosen = collections.find((one) => one.name === this.id_) ?? collections.find((one) => !one.fault) ?? collections[0];
    const name = chosen?.name ?? "";
    const choice = h("select", {"aria-label": t("kb.collection"), onchange: (event) => {
      location.hash = `#/knowledge/${encodeURIComponent(event.target.value)}`;
    }}, collections.map((one) => h("option", {value: one.name, selected: one.name === name}, one.name)));
    this.#documents = new Documents(name, () => this.#refresh(name));
    fill(this, head(t("nav.knowledge"), collections.length > 1 ? choice : h("b", {}, name)),
      collections.length ? null : h("p.notice", {}, t("kb.empty")),
      chosen?.fault ? h("p.notice.bad", {}, chosen.fault) : null, this.#tiles, this.#about,
      h("div.columns.wide-right", {}, h("section.card", {"aria-label": t("kb.ask")}, h("h2", {}, t("kb.ask")), new Ask(name, this.query.q ?? "")),
        h("section.card", {"aria-label": t("kb.documents")}, h("h2", {}, t("kb.documents")), this.#documents)));
    this.#tell(chosen);
  }

  async #refresh(name) {
    const {collections} = await get("/api/kb/collections");
    this.#tell(collections.find((one) => one.name === name));
  }

  #tell(one) {
    this.#tiles.hidden = !one;
    if (!one) return;
    const languages = Object.entries(one.languages).filter(([code]) => code).map(([code]) => languageName(code)).join(", ");
    fill(this.#tiles, tile(number(one.documents), t("kb.documentstile")), tile(number(one.passages), t("kb.passagestile")),
      tile(`${number(one.bytes / BYTES, 1)} MB`, t("kb.size")), tile(languages || "–", t("past.language")));
    fill(this.#about, [one.model ? `${t("kb.model")} ${one.model}` : t("kb.keywords"), one.ingested ? `${t("kb.changed")} ${moment(one.ingested)}` : "",
      one.state].filter(Boolean).join(" · "));
  }
}

customElements.define("knowledge-view", KnowledgeView);

/** `<knowledge-ask>`: a question, the decision, and the passages with what their scores are made of. */
class Ask extends HTMLElement {
  #collection;
  #first;
  #answer = h("div.stack", {"aria-live": "polite"});

  constructor(collection, first) {
    super();
    [this.#collection, this.#first] = [collection, first];
  }

  connectedCallback() {
    const question = h("input", {name: "question", required: true, maxlength: 1000, value: this.#first, placeholder: t("kb.question"), "aria-label": t("kb.question")});
    const spoken = h("input", {type: "checkbox", checked: true});
    const ask = (event) => {
      event?.preventDefault();
      this.#ask(question.value.trim(), spoken.checked);
    };
    fill(this, h("form.stack", {onsubmit: ask}, h("div.row", {}, h("div.grow", {}, question), h("button.button.primary", {}, t("kb.askbutton"))),
      h("label.check", {}, spoken, t("kb.spoken"))), this.#answer);
    if (this.#first) ask();
  }

  async #ask(question, spoken) {
    if (!question) return;
    fill(this.#answer, loading());
    try {
      this.#show(await send("POST", "/api/kb/ask", {question, spoken, collection: this.#collection, top_k: PASSAGES}));
    } catch (fault) {
      fill(this.#answer, faultNotice(fault));
    }
  }

  #show(answer) {
    const cited = new Set(answer.citations.map((one) => one.chunk_id));
    fill(this.#answer,
      h("div.reply", {}, h("p.reply-text", {}, answer.text), answer.more ? h("p.soft.small", {}, t("kb.more", {text: answer.more})) : null,
        h("p.row", {}, chip(answer.decision === "answer" ? "good" : "warn", decision(answer.decision)), h("span.soft.small", {}, answer.why)),
        answer.searched !== answer.question ? h("p.soft.small", {}, t("kb.understood", {text: answer.searched})) : null),
      answer.search === "keywords" ? h("p.notice.warn", {}, t("kb.keywords")) : null,
      answer.passages.length ? h("h3", {}, t("kb.why")) : null,
      h("ol.list", {}, answer.passages.map((one) => passage(one, cited.has(one.chunk_id)))));
  }
}

customElements.define("knowledge-ask", Ask);

function passage(one, cited) {
  const place = [one.title, ...one.heading].join(" › ") + (one.page ? `, ${t("kb.page", {page: one.page})}` : "");
  return h("li.passage", {class: cited ? "cited" : ""},
    h("div.row", {}, h("span.title.grow", {}, place), cited ? chip("good", t("kb.cited")) : null, h("b.num", {}, number(one.score, 2))),
    h("details", {}, h("summary", {}, one.snippet), h("p", {}, one.text)),
    h("dl.parts", {}, PARTS.filter((name) => name in one.features).map((name) => h("div", {}, h("dt", {}, t(`kb.${name}`)),
      h("dd", {}, h("span.meter", {}, h("i", {style: {width: `${100 * Math.min(1, one.features[name])}%`}})), h("span.num", {}, number(one.features[name], 2)))))),
    h("span.soft", {}, one.document));
}
