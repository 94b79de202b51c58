/** Whom to talk to, and in which language. */

import {fill, h} from "../shared/dom.js";
import {languageName, t} from "../shared/i18n.js";

const MOST_CARDS = 6; // beyond, a list to choose from is clearer

export class Choice {
  element = h("div.choice", {hidden: true});
  #agents = [];
  #agent = null;
  #language = "";
  #label;

  constructor(label) {
    this.#label = label;
    this.who = h("div.who");
    this.many = h("div.many");
    this.tongue = h("select", {onchange: (event) => { this.#language = event.target.value; }});
    this.tongues = h("label.tongues", {}, h("span", {}, t("language")), this.tongue);
    fill(this.element, this.who, this.many, this.tongues);
  }

  /** {agent, language}: empty where the engine is to choose. */
  get value() {
    return {agent: this.#agent?.name ?? "", language: this.#language};
  }

  /** What the agent is called. */
  get name() {
    return this.#label || titled(this.#agent?.name ?? "");
  }

  /** Whether somebody can be talked to. */
  get ready() {
    return Boolean(this.#agent?.ready);
  }

  /** These can be talked to; `wanted`: the language to begin with. Those that are not set up are shown only where
   *  nobody is. */
  offer(agents, wanted) {
    const ready = agents.filter((one) => one.ready);
    agents = ready.length ? ready : agents;
    this.#agents = agents;
    this.element.hidden = !agents.length;
    this.#pick(agents.find((one) => one.default) ?? agents[0] ?? null, wanted);
    fill(this.many, agents.length < 2 ? null : agents.length > MOST_CARDS ? this.#list() : this.#cards());
    this.live(false);
  }

  /** While one talks, there is nothing to choose: it is shown who it is. */
  live(on) {
    const one = this.#agents.length === 1;
    this.who.hidden = !on && !one;
    this.many.hidden = on || one;
    this.tongues.hidden = on || (this.#agent?.languages.length ?? 0) < 2;
    fill(this.who, h("span.avatar", {"aria-hidden": "true"}, this.name.slice(0, 1)),
      h("span.grow", {}, h("b", {}, this.name), h("span.soft.small", {},
        on && this.#language ? languageName(this.#language) : this.#agent?.description)));
  }

  #pick(agent, wanted = "") {
    this.#agent = agent;
    const languages = agent?.languages ?? [];
    const spoken = navigator.languages.map((code) => code.split("-")[0]);
    this.#language = languages.find((code) => code === wanted) ?? spoken.find((code) => languages.includes(code)) ?? languages[0] ?? "";
    fill(this.tongue, languages.map((code) => h("option", {value: code, selected: code === this.#language}, languageName(code))));
    this.tongues.hidden = languages.length < 2;
  }

  #cards() {
    return h("fieldset", {}, h("legend", {}, t("choose")), this.#agents.map((agent) => h("label.card", {},
      h("input", {type: "radio", name: "agent", value: agent.name, checked: agent === this.#agent, disabled: !agent.ready,
        onchange: () => this.#pick(agent)}),
      h("span.avatar", {"aria-hidden": "true"}, titled(agent.name).slice(0, 1)),
      h("span.grow", {}, h("b", {}, titled(agent.name)), h("span.soft.small", {}, agent.description),
        h("span.soft.small.tongue-names", {}, agent.ready ? agent.languages.map(languageName).join(" · ") : t("notReady"))))));
  }

  #list() {
    return h("label", {}, t("choose"), h("select", {onchange: (event) => this.#pick(this.#agents[event.target.selectedIndex])},
      this.#agents.map((agent) => h("option", {value: agent.name, selected: agent === this.#agent, disabled: !agent.ready},
        titled(agent.name)))));
  }
}

/** `help-desk` as "Help desk". */
function titled(name) {
  const text = name.replace(/[-_]+/g, " ");
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
