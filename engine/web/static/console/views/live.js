/** Calls that go on: who, with which agent, what is being said. Follows the engine's events; asks for nothing twice. */

import {announce, fill, h, reconcile} from "../../shared/dom.js";
import {clock, languageName, ms, number, t} from "../../shared/i18n.js";
import {listen} from "../../shared/sse.js";
import {View, faultNotice, head, status, tile} from "../view.js";

const TONES = {
  starting: "idle", listening: "idle", hearing: "caller", thinking: "busy", speaking: "agent", "handing over": "warn",
  queued: "warn", "with a human": "good", away: "warn", ended: "idle",
};
const SLOW_MS = 1500;

class LiveView extends View {
  #calls = new Map();
  #ahead = 0; // of the engine's clock over this one, in ms
  #list = h("ul.calls");
  #tiles = h("div.tiles");
  #empty = h("div.card.empty", {hidden: true}, h("p", {}, t("live.empty")), h("p.small", {}, t("live.hint"), " ",
    h("code", {}, "trunkline demo")));
  #notice = h("div", {"aria-live": "polite"});

  open() {
    fill(this, head(t("nav.live")), this.#tiles, this.#notice, this.#list, this.#empty);
    this.own(listen("/api/console/live", {
      calls: ({now, calls}) => {
        this.#ahead = Date.parse(now) - Date.now();
        this.#calls = new Map(calls.map((call) => [call.id, call]));
        this.#show();
      },
      call: (call) => {
        if (!this.#calls.has(call.id)) announce(t("live.came", {caller: call.caller || t("call.unknown")}));
        this.#calls.set(call.id, call);
        this.#show();
      },
      over: ({id}) => {
        this.#calls.delete(id);
        this.#show();
      },
    }, {
      onstate: (up) => fill(this.#notice, up ? null : h("p.notice.warn", {}, t("live.broken"))),
      onfault: (fault) => fill(this.#notice, faultNotice(fault)),
    }));
    this.every(1000, () => this.#tick());
  }

  #show() {
    const calls = [...this.#calls.values()].sort((one, other) => one.started.localeCompare(other.started));
    this.#empty.hidden = calls.length > 0;
    reconcile(this.#list, calls, (call) => call.id, (call) => this.#row(call), (row, call) => this.#update(row, call));
    this.#tick();
    const delays = calls.map((call) => call.median_ms).filter((delay) => delay !== null).sort((a, b) => a - b);
    const speaking = calls.filter((call) => ["hearing", "speaking"].includes(call.state)).length;
    const faults = calls.reduce((sum, call) => sum + call.faults, 0);
    fill(this.#tiles, tile(number(calls.length), t("live.now")), tile(number(speaking), t("live.talking")),
      tile(ms(delays.length ? delays[delays.length >> 1] : null), t("live.median")),
      tile(number(faults), t("live.faults"), faults ? "bad" : ""));
  }

  #row(call) {
    const row = h("li", {}, h("a.call-row", {href: `#/call/${encodeURIComponent(call.id)}`}));
    this.#update(row, call);
    return row;
  }

  #update(row, call) {
    const delay = call.latency_ms;
    fill(row.firstChild,
      h("span.call-state", {}, status(TONES[call.state] ?? "idle", t(`doing.${call.state}`))),
      h("span.call-who", {}, h("b", {}, call.caller || t("call.unknown")), call.transport === "phone" ? null : h("span.chip", {}, call.transport),
        h("span.soft", {}, call.state === "with a human" ? `→ ${call.target}` : `→ ${call.called || "–"}`)),
      h("span.call-agent", {}, call.agent || "–", call.language
        ? h("span.soft", {}, ` · ${languageName(call.language)}`) : null),
      h("span.call-words", {class: `${call.who}${call.partial ? " partial" : ""}`}, call.words
        ? [h("span.visually-hidden", {}, `${t(`who.${call.who}`)}: `), call.words] : h("span.soft", {}, "…")),
      h("span.call-delay.num", {class: delay > SLOW_MS ? "warn" : ""}, ms(delay)),
      h("span.call-time.num", {dataset: {started: call.started}}),
      call.faults ? h("span.chip.bad.call-faults", {}, t("live.faulty", {count: call.faults})) : null);
  }

  #tick() {
    const now = Date.now() + this.#ahead;
    for (const place of this.querySelectorAll(".call-time")) {
      const began = Date.parse(place.dataset.started);
      place.textContent = Number.isNaN(began) ? "" : clock(Math.max(0, now - began) / 1000);
    }
  }
}

customElements.define("live-view", LiveView);
