/** How the engine is doing: components, frame clock, hub; as it changes. */

import {fill, h, svg} from "../../shared/dom.js";
import {clock, ms, number, t} from "../../shared/i18n.js";
import {listen} from "../../shared/sse.js";
import {View, faultNotice, head, loading, status, table, tile} from "../view.js";

const TONES = {ok: "good", degraded: "warn", draining: "warn", down: "bad"};
const KEPT = 150; // five minutes
const LATE_MS = 10;

class HealthView extends View {
  #late = [];
  #body = h("div.stack");

  open() {
    fill(this, head(t("nav.health")), this.#body);
    fill(this.#body, loading());
    this.own(listen("/api/console/health", {health: (now) => this.#show(now)}, {
      onstate: (up) => up || fill(this.#body, h("p.notice.bad", {role: "alert"}, t("fault.unreachable"))),
      onfault: (fault) => fill(this.#body, faultNotice(fault)),
    }));
  }

  #show(now) {
    const {frame_clock: frames, hub} = now;
    this.#late.push(frames.late_p99_ms ?? 0);
    this.#late.splice(0, this.#late.length - KEPT);
    fill(this.#body,
      h("div.tiles", {}, tile(status(TONES[now.status] ?? "idle", t(`state.${now.status}`)), t("health.engine")),
        tile(`${number(now.calls_active)} / ${number(now.calls_max)}`, t("health.calls")), tile(clock(now.uptime_s), t("health.uptime")),
        tile(now.version, t("fact.version"))),
      h("section.card", {}, h("h2", {}, t("health.components")), table(t("health.components"), [
        [t("health.component"), (row) => t(`component.${row.name}`) === `component.${row.name}` ? row.name : t(`component.${row.name}`)],
        [t("health.state"), (row) => status(TONES[row.status] ?? "idle", t(`part.${row.status}`))],
        [t("health.latency"), (row) => ms(row.latency_ms), "num"],
        [t("health.detail"), (row) => row.detail || ""],
      ], Object.entries(now.components).map(([name, part]) => ({name, ...part})))),
      h("div.pair", {},
        h("section.card", {}, h("h2", {}, t("health.clock")), h("p.soft.small", {}, t("health.clockabout")), spark(this.#late),
          figures([[t("health.p50"), ms1(frames.late_p50_ms)], [t("health.p99"), ms1(frames.late_p99_ms), frames.late_p99_ms > LATE_MS ? "warn" : ""],
            [t("health.max"), ms1(frames.late_max_ms)], [t("health.due"), number(frames.frames_due ?? 0)], [t("health.skipped"), number(frames.skipped_slots ?? 0)]])),
        h("section.card", {}, h("h2", {}, t("health.hub")), h("p.soft.small", {}, t("health.hubabout")),
          figures([[t("health.blocks"), number(hub.blocks ?? 0), hub.blocks ? "warn" : ""], [t("health.longest"), ms1(hub.longest_ms)],
            [t("health.starved"), number(hub.starved ?? 0)], [t("health.starvedlongest"), ms1(hub.starved_longest_ms)]]),
          hub.longest_where ? h("p.small.soft", {}, `${t("health.where")} `, h("code", {}, hub.longest_where)) : null)));
  }
}

customElements.define("health-view", HealthView);

function figures(rows) {
  return h("dl.figures", {}, rows.map(([name, value, tone]) => h("div", {}, h("dt", {}, name), h("dd", {class: tone ?? ""}, value))));
}

function ms1(value) {
  return value === undefined ? "–" : `${number(value, 1)} ms`;
}

/** The newest figures as a line, from 0 to the highest or 10 ms. */
function spark(values) {
  const high = Math.max(LATE_MS, ...values);
  const points = values.map((value, place) => `${place},${40 - (38 * value) / high}`);
  return svg("svg.spark", {viewBox: `0 0 ${KEPT - 1} 42`, preserveAspectRatio: "none", role: "img", "aria-label": t("health.spark", {ms: number(high, 1)})},
    svg("path", {d: points.length > 1 ? `M${points.join("L")}` : ""}));
}
