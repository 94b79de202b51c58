/** Past calls: searched by what was said, who called, which agent, when, and how it went. The address keeps the search. */

import {get, search} from "../../shared/api.js";
import {fill, h} from "../../shared/dom.js";
import {clock, languageName, moment, ms, number, t} from "../../shared/i18n.js";
import {icon} from "../icons.js";
import {View, faultNotice, head, status, table} from "../view.js";

const FIELDS = ["q", "caller", "called", "agent", "language", "outcome", "error", "slower_ms", "after", "before"];
const OUTCOMES = ["handed_over", "agent_done", "caller_left", "let_go", "machine", "failed", "not_answered"];
const PAGE = 50;
const PAUSE_MS = 300;

class PastView extends View {
  #form = h("form.card", {role: "search", "aria-label": t("past.search"), onsubmit: (event) => this.#submit(event)});
  #found = h("div.stack");
  #count = h("p.soft.small", {role: "status"});
  #rows = [];
  #asked = 0;
  #due = null;

  async open() {
    fill(this, head(t("past.title")), this.#form, this.#count, this.#found);
    const agents = await get("/api/console/agents").then((found) => found.agents, () => []);
    this.#fields(agents);
    this.own({close: () => clearTimeout(this.#due)});
    await this.#search();
  }

  #fields(agents) {
    const {query} = this;
    const field = (name, label, props = {}) => h("label", {}, label, h("input", {name, value: query[name] ?? "", autocomplete: "off", ...props}));
    const choice = (name, label, options) => h("label", {}, label, h("select", {name}, h("option", {value: ""}, t("past.any")),
      options.map(([value, text]) => h("option", {value, selected: query[name] === value}, text))));
    const languages = [...new Set(agents.flatMap((agent) => agent.languages))];
    const more = ["called", "outcome", "after", "before", "slower_ms", "error"].some((name) => query[name]);
    fill(this.#form,
      h("div.filters", {},
        h("label.wide", {}, t("past.words"), h("input", {name: "q", type: "search", value: query.q ?? "", maxlength: 500})),
        field("caller", t("past.caller"), {inputmode: "tel"}),
        choice("agent", t("past.agent"), agents.map((agent) => [agent.name, agent.name])),
        choice("language", t("past.language"), languages.map((code) => [code, languageName(code)])),
        h("div.row", {}, h("button.button.primary", {}, icon("search"), t("past.search")),
          h("a.button.quiet", {href: "#/past"}, t("past.clear")))),
      h("details", {open: more}, h("summary", {}, t("past.morefilters")), h("div.filters", {},
        choice("outcome", t("past.outcome"), OUTCOMES.map((name) => [name, t(`outcome.${name}`)])),
        field("called", t("past.called"), {inputmode: "tel"}),
        field("after", t("past.from"), {type: "datetime-local"}), field("before", t("past.until"), {type: "datetime-local"}),
        field("slower_ms", t("past.slow"), {type: "number", min: 0, step: 50}),
        h("label.check", {}, h("input", {name: "error", type: "checkbox", value: "true", checked: query.error === "true"}), t("past.errors")))));
    this.#form.addEventListener("input", () => {
      clearTimeout(this.#due);
      this.#due = setTimeout(() => this.#submit(), PAUSE_MS);
    });
  }

  #submit(event) {
    event?.preventDefault();
    clearTimeout(this.#due);
    const given = new FormData(this.#form);
    this.query = Object.fromEntries(FIELDS.map((name) => [name, String(given.get(name) ?? "").trim()]).filter(([, value]) => value));
    history.replaceState(null, "", `#/past${search(this.query)}`);
    this.#search();
  }

  async #search(cursor = "") {
    const number_ = this.#asked += 1;
    try {
      const {after, before, ...rest} = this.query;
      const page = await get("/sessions", {...rest, after: utc(after), before: utc(before), limit: PAGE, cursor});
      if (number_ !== this.#asked) return; // another search has begun
      this.#rows = cursor ? [...this.#rows, ...page.data] : page.data;
      this.#show(page.next);
    } catch (fault) {
      if (number_ === this.#asked) fill(this.#found, faultNotice(fault));
    }
  }

  #show(next) {
    this.#count.textContent = this.#rows.length ? t("past.count", {count: this.#rows.length}) : "";
    fill(this.#found, this.#rows.length ? h("div.card", {}, table(t("past.title"), [
      [t("past.started"), (row) => h("a", {href: this.#link(row)}, moment(row.started_at))],
      [t("past.who"), (row) => [h("b", {}, row.from_number || t("call.unknown")), h("span.soft", {}, ` → ${row.to_number || "–"}`),
        row.transport === "freeswitch" ? null : h("span.chip", {}, row.transport)]],
      [t("past.agent"), (row) => [row.agent_name ?? "–", row.language ? h("span.soft", {}, ` · ${languageName(row.language)}`) : null]],
      [t("past.length"), (row) => length(row), "num"],
      [t("past.turns"), (row) => number(row.turns ?? 0), "num"],
      [t("past.delay"), (row) => ms(row.answer_ms_p50 ?? null), "num"],
      [t("past.ended"), outcome],
    ], this.#rows)) : h("p.card.empty", {}, t("past.none")),
    next ? h("button.button", {type: "button", onclick: () => this.#search(next)}, t("past.more")) : null);
  }

  #link(row) {
    return `#/call/${encodeURIComponent(row.call_id ?? row.session_id)}`;
  }
}

customElements.define("past-view", PastView);

function outcome(row) {
  if (row.live) return status("agent", t("past.live"));
  const failed = row.errors > 0 || row.state === "failed";
  const text = row.outcome ? t(`outcome.${row.outcome}`) : row.state ?? "";
  return status(failed ? "bad" : row.outcome === "handed_over" ? "good" : "idle", text);
}

function length(row) {
  return row.duration_s === null ? "" : clock(row.duration_s);
}

/** What a datetime field says is the reader's local time. */
function utc(local) {
  const date = local ? new Date(local) : null;
  return date && !Number.isNaN(date.getTime()) ? date.toISOString() : "";
}
