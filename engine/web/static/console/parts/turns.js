/** The turns of a call: what the caller waited for in each, and, opened, why it went so. */

import {h, reconcile} from "../../shared/dom.js";
import {clock, has, ms, number, t} from "../../shared/i18n.js";

const STAGES = ["endpoint", "stt", "retrieval", "first_text", "first_audio", "on_wire"];
const TICKS = [50, 100, 250, 500, 1000, 2000];
const SLOW_MS = 1500;

/** `<call-turns>`: `show(report)`; tells `seek`. */
export class Turns extends HTMLElement {
  #report = null;
  #open = new Set();
  #high = 100;
  #list = h("ol");

  connectedCallback() {
    this.replaceChildren(this.#list);
  }

  /** The turns of a report; those that were opened stay open. */
  show(report) {
    this.#report = report;
    const edges = report.turns.flatMap((turn) => turn.stages.map((stage) => stage.to_ms));
    this.#high = Math.max(100, percentile(edges, 0.98));
    const draw = (turn) => h("li.turn", {dataset: {text: JSON.stringify(turn)}}, this.#parts(turn));
    reconcile(this.#list, report.turns, (turn) => turn.number, draw, (row, turn) => {
      if (row.dataset.text === JSON.stringify(turn)) return;
      row.dataset.text = JSON.stringify(turn);
      row.replaceChildren(...this.#parts(turn));
    });
  }

  /** Open the turn of that number and bring it into sight. */
  open(number_) {
    this.#open.add(number_);
    this.#refresh(number_);
    const row = this.querySelector(`[data-key="${number_}"]`);
    row?.scrollIntoView({block: "nearest"});
    row?.querySelector("button")?.focus({preventScroll: true});
  }

  #parts(turn) {
    const open = this.#open.has(turn.number);
    const toggle = () => {
      if (!this.#open.delete(turn.number)) this.#open.add(turn.number);
      this.#refresh(turn.number);
      this.querySelector(`[data-key="${turn.number}"] .turn-head`)?.focus();
    };
    const total = turn.total_ms === null ? h("span.chip.warn", {}, t("turn.unanswered"))
      : h("span.num.turn-total", {class: turn.total_ms > SLOW_MS ? "warn" : ""}, ms(turn.total_ms));
    return [
      h("button.turn-head", {type: "button", "aria-expanded": String(open), onclick: toggle},
        h("span.turn-number", {}, String(turn.number)), h("span.turn-text", {}, turn.text || t("turn.wordless"),
          turn.interruptions.some((item) => item.outcome === "cut") ? h("span.chip.bad", {}, t("outcome.cut")) : null),
        total, stack(turn, this.#high)),
      ...(open ? [this.#detail(turn)] : []),
    ];
  }

  #refresh(number_) {
    const turn = this.#report.turns.find((one) => one.number === number_);
    const row = this.querySelector(`[data-key="${number_}"]`);
    if (turn && row) row.replaceChildren(...this.#parts(turn));
  }

  #detail(turn) {
    const replies = this.#report.replies.filter((reply) => turn.replies.includes(reply.gen));
    const decisions = [{t: turn.decided, name: "turn", why: turn.why, fields: {}},
      ...turn.decisions.filter((item) => item.name !== "turn")].sort((one, other) => one.t - other.t);
    return h("div.turn-detail", {},
      waterfall(turn),
      replies.map((reply) => this.#reply(reply)),
      turn.interruptions.length ? [h("h4", {}, t("turn.interruptions")), h("ul.facts", {}, turn.interruptions.map((item) =>
        h("li", {}, this.#time(item.onset ?? item.paused ?? item.ended), h("span", {}, interruption(item)))))] : null,
      h("h4", {}, t("turn.decisions")),
      h("ul.facts", {}, decisions.map((item) => h("li", {}, this.#time(item.t), h("span", {}, h("code", {}, item.name), " ",
        item.why, " ", h("span.soft", {}, fields(item.fields)))))));
  }

  #reply(reply) {
    const unheard = reply.interrupted && reply.heard !== null && reply.text.startsWith(reply.heard)
      ? reply.text.slice(reply.heard.length) : "";
    const chips = [
      reply.decision && ["answer", "courtesy"].includes(reply.decision) ? chip("good", decision(reply.decision)) : null,
      reply.decision && !["answer", "courtesy"].includes(reply.decision) ? chip("warn", decision(reply.decision)) : null,
      reply.score !== null ? chip("", t("reply.score", {score: number(reply.score, 2)})) : null,
      reply.speculative ? chip("", t("reply.speculative")) : null, reply.cached ? chip("", t("reply.cached")) : null,
      reply.cancelled ? chip("", t("reply.cancelled")) : null,
      reply.failed !== null ? chip("bad", t("reply.failed", {why: reply.failed})) : null,
      reply.interrupted ? chip("bad", t("outcome.cut")) : null,
    ];
    return h("div.reply", {},
      h("p.reply-text", {}, reply.heard || (unheard ? "" : reply.text) || "–", unheard ? h("s", {title: t("reply.unheard")}, unheard) : null),
      h("p.row", {}, chips, reply.detail?.why ? h("span.soft.small", {}, reply.detail.why) : null),
      skills(reply), sources(reply));
  }

  #time(at) {
    return h("button", {type: "button", onclick: () => this.dispatchEvent(new CustomEvent("seek", {detail: at}))},
      h("time", {}, clock(at ?? 0)));
  }
}

customElements.define("call-turns", Turns);

/** What the caller waited for, step by step, as one bar. */
function stack(turn, high) {
  const steps = Object.fromEntries(turn.stages.map((stage) => [stage.name, stage]));
  const parts = [];
  let reached = 0;
  for (const name of ["stt", ...STAGES]) {
    const stage = steps[name];
    if (!stage) continue;
    const until = name === "stt" && steps.endpoint ? Math.min(stage.to_ms, steps.endpoint.to_ms) : stage.to_ms;
    if (until <= reached) continue;
    parts.push(h("i", {class: name, title: `${t(`stage.${name}`)}: ${ms(until - reached)}`,
      style: {width: `${Math.min(100, (100 * (until - reached)) / high)}%`}}));
    reached = until;
  }
  return h("span.turn-stack", {"aria-hidden": "true"}, parts);
}

/** Each step on its own line: from when to when, counted from the caller's last voiced frame. */
function waterfall(turn) {
  const edges = turn.stages.flatMap((stage) => [stage.from_ms, stage.to_ms]);
  const [low, high] = [Math.min(0, ...edges), Math.max(100, ...edges)];
  const share = (value) => `${(100 * (value - low)) / (high - low)}%`;
  const step = TICKS.find((ticks) => high / ticks <= 4) ?? 5000;
  const ticks = Array.from({length: Math.floor(high / step) + 1}, (_, place) => place * step);
  return h("div.waterfall", {role: "table", "aria-label": t("turn.waterfall")},
    STAGES.map((name) => turn.stages.find((stage) => stage.name === name)).filter(Boolean).map((stage) =>
      h("div", {role: "row"}, h("span.stage-name", {role: "rowheader"}, t(`stage.${stage.name}`)),
        h("span.track", {role: "cell", style: {"--zero": share(0)}}, h("i", {class: stage.name,
          style: {left: share(stage.from_ms), width: `${(100 * (stage.to_ms - stage.from_ms)) / (high - low)}%`}})),
        h("span.num", {role: "cell"}, ms(stage.to_ms - stage.from_ms), " ", h("small.soft", {}, t("stage.at", {ms: Math.round(stage.to_ms)}))))),
    h("div.axis", {"aria-hidden": "true"}, h("span"), h("span.axis-line", {}, ticks.map((tick) =>
      h("i", {style: {left: share(tick)}}, number(tick)))), h("span")));
}

function interruption(item) {
  return [t(`outcome.${item.outcome}`),
    item.onset_to_pause_ms !== null ? `, ${t("interruption.paused", {ms: Math.round(item.onset_to_pause_ms)})}` : "",
    item.silent_ms !== null ? `, ${t("interruption.silent", {ms: Math.round(item.silent_ms)})}` : ""].join("");
}

/** Each skill that was called: how it went, with what, and what came of it. */
export function skills({skills: used}) {
  if (!used?.length) return null;
  return h("ul.sources", {"aria-label": t("reply.skills")}, used.map((use) => {
    const how = use.run === false ? ["warn", t("skill.notrun")] : use.success === null || use.success === undefined
      ? ["", t("skill.open")] : use.success ? ["good", ms(use.ms)] : ["bad", use.error || t("skill.failed")];
    return h("li", {}, h("b", {}, use.skill), " ", chip(...how), h("code", {}, short(use.arguments)),
      use.result === null || use.result === undefined ? null : h("code", {}, short(use.result)));
  }));
}

/** The passages that the reply stands on, and those that were weighed. */
export function sources({citations, detail}) {
  const weighed = Array.isArray(detail?.candidates) ? detail.candidates.map((one) => (Array.isArray(one) ? one : [one.document, one.score])) : [];
  return [citations?.length ? h("ul.sources", {"aria-label": t("reply.sources")}, citations.map((one) => h("li", {},
    h("b", {}, [one.title || one.document, ...(one.heading ?? [])].filter(Boolean).join(" › ")), " ",
    one.score !== undefined && one.score !== null ? chip("", number(one.score, 2)) : null,
    h("q", {}, one.snippet ?? ""), h("span.soft.small", {}, one.document)))) : null,
  weighed.length > 1 ? h("p.soft.small", {}, `${t("reply.weighed")} `, weighed.map(([name, score]) => `${name} ${number(score, 2)}`).join(" · ")) : null];
}

/** What was decided, in words. */
export function decision(name) {
  return has(`decision.${name}`) ? t(`decision.${name}`) : name;
}

export function chip(tone, text) {
  return h("span.chip", {class: tone}, text);
}

function fields(values) {
  return Object.entries(values ?? {}).filter(([name]) => name !== "gen").map(([name, value]) => `${name} ${short(value)}`).join(" · ");
}

function short(value) {
  const text = typeof value === "string" ? value : JSON.stringify(value) ?? "";
  return text.length > 400 ? `${text.slice(0, 400)}…` : text;
}

function percentile(values, share) {
  const ordered = [...values].sort((one, other) => one - other);
  return ordered[Math.min(ordered.length - 1, Math.floor(share * ordered.length))] ?? 0;
}
