/** Agents: who they are, what is wrong with their files, and what they would say to a line of text. */

import {get, send} from "../../shared/api.js";
import {fill, h} from "../../shared/dom.js";
import {languageName, ms, number, t} from "../../shared/i18n.js";
import {icon} from "../icons.js";
import {chip, decision, skills, sources} from "../parts/turns.js";
import {View, faultNotice, head, loading, pairs, status} from "../view.js";

class AgentsView extends View {
  async open() {
    fill(this, head(t("nav.agents")), loading());
    if (this.id_) await this.#one();
    else await this.#all();
  }

  async #all() {
    const {agents, findings} = await get("/api/console/agents");
    const said = h("div", {"aria-live": "polite"});
    const reload = async () => {
      try {
        const {agents: changed} = await send("POST", "/admin/reload");
        await this.#all();
        this.querySelector("header").after(h("p.notice.good", {role: "status"}, t("agents.reloaded", {count: changed.length})));
      } catch (fault) {
        fill(said, faultNotice(fault));
      }
    };
    fill(this, head(t("nav.agents"), h("button.button", {type: "button", onclick: reload}, t("agents.reload"))), said,
      findings.map((one) => h("p.notice", {class: one.serious ? "bad" : "warn"}, problem(one))),
      h("div.agent-cards", {}, agents.map((agent) => h("a.card.agent-card", {href: `#/agents/${encodeURIComponent(agent.name)}`},
        h("div.row", {}, h("h2.grow", {}, agent.name), agent.default ? chip("accent", t("agents.default")) : null,
          verdict(agent.findings)),
        h("p.soft.small", {}, agent.description),
        pairs([[t("agents.languages"), agent.languages.map(languageName).join(", ")], [t("agents.numbers"), agent.dids.join(", ")],
          [t("agents.thinks"), agent.thinks || t("agents.bycollection")], [t("agents.collections"), agent.collections.join(", ")],
          [t("agents.variants"), agent.variants.join(", ")]])))));
  }

  async #one() {
    const agent = await get(`/api/console/agents/${encodeURIComponent(this.id_)}`);
    const findings = h("div.list", {"aria-live": "polite"});
    const check = async () => {
      fill(findings, loading());
      try {
        const found = (await send("POST", `/api/console/agents/${encodeURIComponent(this.id_)}/check`)).findings;
        fill(findings, found.length ? found.map((one) => h("p.notice", {class: one.serious ? "bad" : "warn"}, problem(one)))
          : h("p.notice.good", {}, t("agents.fine")));
      } catch (fault) {
        fill(findings, faultNotice(fault));
      }
    };
    fill(this, head(agent.name, h("button.button", {type: "button", onclick: check}, icon("check"), t("agents.check")),
      h("a.button.quiet", {href: "#/agents"}, icon("back"), t("nav.agents"))),
    h("p.soft", {}, agent.description), findings,
    h("div.columns.wide-right", {}, h("div.stack", {}, about(agent), Object.entries(agent.speaks).map(([language, speaks]) => tongue(language, speaks))),
      h("section.card.try", {"aria-label": t("agents.try")}, h("h2", {}, t("agents.try")), new Try(agent))));
    await check();
  }
}

customElements.define("agents-view", AgentsView);

/** `<agent-try>`: type a line, see what the agent would say and why. */
class Try extends HTMLElement {
  #agent;
  #history = [];
  #said = h("div.list.said", {"aria-live": "polite"});

  constructor(agent) {
    super();
    this.#agent = agent;
  }

  connectedCallback() {
    const field = h("input", {name: "text", required: true, maxlength: 4000, autocomplete: "off", placeholder: t("agents.say"), "aria-label": t("agents.say")});
    const language = h("select", {"aria-label": t("agents.language")}, this.#agent.languages.map((code) => h("option", {value: code}, languageName(code))));
    fill(this, h("p.soft.small", {}, t("agents.tryabout")), this.#said,
      h("form.row", {onsubmit: (event) => {
        event.preventDefault();
        this.#ask(field, language.value);
      }}, h("div.grow", {}, field), this.#agent.languages.length > 1 ? h("div", {}, language) : null,
      h("button.button.primary", {}, t("agents.send")),
      h("button.button.quiet", {type: "button", onclick: () => {
        this.#history = [];
        fill(this.#said);
        field.focus();
      }}, t("agents.anew"))));
  }

  async #ask(field, language) {
    const text = field.value.trim();
    if (!text) return;
    field.value = "";
    const pending = h("p.soft.small", {}, t("agents.thinking"));
    this.#said.append(h("p.bubble.user", {}, text), pending);
    try {
      const answer = await send("POST", `/api/console/agents/${encodeURIComponent(this.#agent.name)}/try`, {text, language, history: this.#history});
      this.#history.push({who: "user", text}, {who: "agent", text: answer.text});
      pending.replaceWith(reply(answer));
    } catch (fault) {
      pending.replaceWith(faultNotice(fault));
    }
    this.#said.scrollTop = this.#said.scrollHeight;
  }
}

customElements.define("agent-try", Try);

/** What was said, and below it why. */
function reply(answer) {
  return h("div.list", {},
    h("div.bubble.agent", {}, answer.text || "–"),
    h("div.row", {}, answer.decision ? chip(["answer", "courtesy"].includes(answer.decision) ? "good" : "warn", decision(answer.decision)) : null,
      answer.score !== null ? chip("", t("reply.score", {score: number(answer.score, 2)})) : null,
      chip("", t("agents.took", {first: ms(answer.first_ms), all: ms(answer.ms)})),
      answer.ends_call ? chip("warn", t("agents.ends")) : null,
      answer.routing.map((one) => chip("accent", `${one.provider}/${one.model}`))),
    answer.detail?.why ? h("p.soft.small", {}, answer.detail.why) : null,
    skills(answer), sources(answer));
}

function about(agent) {
  const transfer = Object.entries(agent.transfer).map(([name, target]) => `${name}: ${target.kind} ${target.destination}`);
  return h("section.card", {}, h("h2", {}, t("agents.about")),
    pairs([[t("agents.file"), h("code", {}, agent.file)], [t("agents.thinks"), agent.thinks || t("agents.bycollection")],
      [t("agents.collections"), agent.collections.join(", ")], [t("agents.skills"), agent.skills.join(", ")],
      [t("agents.transfer"), transfer.join("; ")], [t("agents.numbers"), agent.dids.join(", ")], [t("agents.variants"), agent.variants.join(", ")],
      [t("agents.turns"), Object.entries(agent.turns).map(([name, value]) => `${name} ${value}`).join(", ")]]),
    agent.prompt ? h("details", {}, h("summary", {}, t("agents.prompt")), h("pre.text", {}, agent.prompt)) : null);
}

function tongue(language, speaks) {
  return h("section.card", {lang: language}, h("h2", {}, languageName(language)),
    pairs([[t("agents.voice"), speaks.voice || t("agents.embedded")], [t("agents.recogniser"), speaks.recogniser || t("agents.embedded")],
      [t("agents.greeting"), speaks.phrases.greeting]]),
    h("details", {}, h("summary", {}, t("agents.phrases")), pairs(Object.entries(speaks.phrases).filter(([, text]) => typeof text === "string"))));
}

function verdict(findings) {
  const serious = findings.filter((one) => one.serious).length;
  if (serious) return status("bad", t("agents.errors", {count: serious}));
  return findings.length ? status("warn", t("agents.warnings", {count: findings.length})) : status("good", t("agents.ok"));
}

function problem(one) {
  return [h("code", {}, one.line ? `${one.file}:${one.line}` : one.file), ` ${one.text}`];
}
