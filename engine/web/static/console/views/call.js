/** One call, live or finished: picture, transcript, turns with their waterfall, recording. */

import {get, send} from "../../shared/api.js";
import {announce, fill, h} from "../../shared/dom.js";
import {clock, languageName, moment, ms, number, t} from "../../shared/i18n.js";
import {listen} from "../../shared/sse.js";
import {icon} from "../icons.js";
import {Player} from "../parts/player.js";
import {Timeline} from "../parts/timeline.js";
import {Transcript} from "../parts/transcript.js";
import {Turns} from "../parts/turns.js";
import {View, faultNotice, head, loading, pairs, status, tile} from "../view.js";

const REFRESH_MS = 1500; // between two looks at a live call's report
const NEWS = new Set(["turn", "user_said", "agent_said", "agent_heard", "playout_finished", "cut", "error", "reply_failed", "hangup"]);
const REPORT_TRIES = 8;

class CallView extends View {
  #head = h("div");
  #state = h("span");
  #tiles = h("div.tiles");
  #notices = h("div.stack");
  #timeline = new Timeline();
  #transcript = new Transcript();
  #turns = new Turns();
  #player = null;
  #playing = h("div.player");
  #facts = h("div");
  #report = null;
  #live = false;
  #due = null;

  get #path() {
    return `/api/console/calls/${encodeURIComponent(this.id_)}`;
  }

  async open() {
    fill(this, this.#head, loading());
    fill(this.#head, head(t("call.title")));
    const call = await get(this.#path);
    fill(this, this.#head, this.#notices, this.#tiles, this.#picture(), h("div.columns.call-columns", {},
      h("section.card.transcript-card", {"aria-label": t("call.transcript")}, h("h2", {}, t("call.transcript")), this.#transcript),
      h("section.card", {"aria-label": t("call.turns")}, h("h2", {}, t("call.turns")), legend(), this.#turns)),
      h("details.card", {}, h("summary", {}, t("call.facts")), this.#facts));
    this.#wire();
    this.#show(call);
    const wave = this.#wave();
    if (call.live) this.#follow();
    else if (call.recording) this.#play();
    if (this.query.t) this.#seek(Number(this.query.t));
    if (this.query.turn) this.#turns.open(Number(this.query.turn));
    await wave;
  }

  #wire() {
    for (const part of [this.#timeline, this.#turns]) part.addEventListener("seek", (event) => this.#seek(event.detail));
    this.#transcript.addEventListener("seek", (event) => {
      this.#seek(event.detail);
      this.#player?.play();
    });
    const keys = (event) => this.#key(event);
    addEventListener("keydown", keys);
    this.own({close: () => removeEventListener("keydown", keys)});
    this.own({close: () => clearTimeout(this.#due)});
  }

  #picture() {
    const zoom = (factor, label, text) => h("button.button", {type: "button", "aria-label": label, onclick: () => this.#timeline.zoom(factor)}, text);
    return h("section.card.picture", {"aria-label": t("call.picture")},
      h("div.row.picture-head", {}, this.#playing, h("span.grow"), h("div.zoom", {}, zoom(2, t("timeline.out"), "−"),
        zoom(0, t("timeline.fit"), t("timeline.all")), zoom(0.5, t("timeline.in"), "+"))),
      this.#timeline,
      h("p.legend", {}, [["caller", t("legend.caller")], ["agent", t("legend.agent")], ["turn", t("legend.turn")],
        ["bad", t("legend.cut")], ["warn", t("legend.resumed")]].map(([tone, text]) => h("span", {class: tone}, h("i"), text))));
  }

  #show(call) {
    const report = this.#report = call.report;
    this.#live = call.live;
    const facts = report.call;
    const agent = report.decisions.find((item) => item.name === "agent_picked")?.fields ?? {};
    this.#heading(call, facts, agent);
    this.#warn(call);
    const {totals} = report;
    fill(this.#tiles, tile(clock(report.seconds), t("tile.length")), tile(ms(totals.answer_ms?.p50), t("tile.median")),
      tile(ms(totals.answer_ms?.max), t("tile.slowest"), totals.answer_ms?.max > 3000 ? "warn" : ""), tile(number(totals.turns), t("tile.turns")),
      tile(number(totals.interruptions), t("tile.interruptions", {count: totals.false_interruptions})),
      tile(number(totals.faults), t("tile.faults"), totals.faults ? "bad" : ""),
      totals.cost === null ? null : tile(`${number(totals.cost, 3)} ${totals.currency ?? ""}`, t("tile.cost")));
    this.#timeline.show(report);
    this.#transcript.show(report.transcript);
    this.#turns.show(report);
    fill(this.#facts, pairs([[t("fact.id"), h("code", {}, facts.id ?? this.id_)], [t("fact.agent"), agent.name && `${agent.name}${agent.variant ? ` (${agent.variant})` : ""}: ${report.decisions.find((item) => item.name === "agent_picked").why}`],
      [t("fact.started"), facts.started && moment(facts.started)], [t("fact.ended"), facts.hangup_cause && `${facts.hangup_cause} · ${facts.hangup_by}`],
      [t("fact.media"), facts.media && `${facts.media}, ${number(facts.rate_hz / 1000)} kHz`], [t("fact.node"), facts.node], [t("fact.switch"), facts.switch],
      [t("fact.version"), facts.version], [t("fact.frames"), facts.caller_frames && `${number(facts.caller_frames)} / ${number(facts.agent_frames)}`],
      [t("fact.underruns"), facts.underruns && number(facts.underruns)], [t("fact.options"), facts.options && h("code", {}, JSON.stringify(facts.options))],
      [t("fact.providers"), facts.providers && h("code", {}, JSON.stringify(facts.providers))]]));
  }

  #heading(call, facts, agent) {
    const title = `${facts.caller || t("call.unknown")} → ${facts.called || "–"}`;
    fill(this.#head, head(title, this.#state,
      call.page ? h("a.button", {href: `/sessions/${encodeURIComponent(this.id_)}/page`, target: "_blank", rel: "noopener"}, icon("external"), t("call.page")) : null,
      call.live ? h("button.button.danger", {type: "button", onclick: () => this.#hangUp()}, icon("hangup"), t("call.hangup")) : null),
    h("p.soft", {}, [facts.started && moment(facts.started), agent.name, languageName(agent.language)].filter(Boolean).join(" · ")));
    if (!call.live) fill(this.#state, status(facts.hangup_cause === "NORMAL_CLEARING" ? "good" : "idle",
      facts.hangup_by ? t("call.endedby", {who: t(`who.${facts.hangup_by}`)}) : t("doing.ended")));
  }

  #warn(call) {
    const {report} = call;
    fill(this.#notices,
      !call.live && !report.complete ? h("p.notice.warn", {}, t("call.incomplete")) : null,
      report.damaged_lines ? h("p.notice.warn", {}, t("call.damaged", {count: report.damaged_lines})) : null,
      report.faults.slice(0, 10).map((fault) => h("p.notice.bad", {}, h("time", {}, clock(fault.t)), ` ${fault.where}: ${fault.message}`)),
      report.faults.length > 10 ? h("p.notice.bad", {}, t("call.morefaults", {count: report.faults.length - 10})) : null);
  }

  // ------------------------------------------------------------ playing

  async #play() {
    this.#player = new Player();
    fill(this.#playing, this.#player, h("span.soft.small.keys", {}, h("kbd", {}, t("key.space")), ` ${t("player.plays")} `,
      h("kbd", {}, "←"), h("kbd", {}, "→"), ` ${t("player.seeks")} `, h("kbd", {}, "["), h("kbd", {}, "]"), ` ${t("player.turns")}`));
    this.#player.addEventListener("time", (event) => {
      this.#timeline.at = event.detail;
      this.#transcript.follow(event.detail);
    });
    try {
      await this.#player.load(`/sessions/${encodeURIComponent(this.id_)}/recording`, this.#report.recording_starts);
    } catch (fault) {
      fill(this.#playing, faultNotice(fault));
    }
  }

  #seek(seconds) {
    if (this.#player) this.#player.seek(seconds);
    this.#timeline.at = seconds;
    this.#transcript.follow(seconds);
  }

  #key(event) {
    const on = (what) => event.target instanceof Element && event.target.closest(what);
    if (event.altKey || event.ctrlKey || event.metaKey || on("input, select, textarea, dialog")) return;
    const at = this.#timeline.at;
    const jumps = {ArrowLeft: event.shiftKey ? -10 : -2, ArrowRight: event.shiftKey ? 10 : 2};
    const turns = this.#report?.turns ?? [];
    if (event.key === " " && this.#player && !on("button, summary, a")) this.#player.toggle();
    else if (event.key in jumps) this.#seek(Math.min(this.#report.seconds, Math.max(0, at + jumps[event.key])));
    else if (event.key === "[") this.#seek(turns.findLast((turn) => turn.start < at - 1)?.start ?? 0);
    else if (event.key === "]") this.#seek(turns.find((turn) => turn.start > at + 0.1)?.start ?? at);
    else if (event.key === "Home" && on("call-timeline")) this.#seek(0);
    else if (event.key === "End" && on("call-timeline")) this.#seek(this.#report.seconds);
    else return;
    event.preventDefault();
  }

  async #wave() {
    try {
      this.#timeline.wave(await get(`${this.#path}/waveform`));
    } catch (fault) {
      if (fault.status !== 404) fill(this.#playing, faultNotice(fault));
      else if (!this.#live) fill(this.#playing, h("span.soft.small", {}, t("call.silent")));
    }
  }

  // ------------------------------------------------------------ a call that goes on

  #follow() {
    fill(this.#playing, h("span.soft.small", {}, t("call.later")));
    this.own(listen(`${this.#path}/events`, {
      calls: ({calls}) => calls.forEach((call) => this.#glance(call)),
      call: (call) => this.#glance(call),
      line: (line) => NEWS.has(line.event) && this.#refreshSoon(),
      end: () => this.#ended(),
    }, {onstate: (up) => up || fill(this.#state, status("bad", t("state.unreachable")))}));
  }

  #glance(call) {
    const tones = {hearing: "caller", speaking: "agent", thinking: "busy", "with a human": "good", queued: "warn"};
    fill(this.#state, status(tones[call.state] ?? "idle", t(`doing.${call.state}`)));
    this.#transcript.live(call);
    if (call.partial) this.#transcript.end();
  }

  #refreshSoon() {
    this.#due ??= setTimeout(async () => {
      await this.#refresh();
      this.#due = null;
    }, REFRESH_MS);
  }

  async #refresh() {
    const call = await get(this.#path).catch(() => null);
    if (!call || !this.isConnected) return null;
    this.#show(call);
    this.#transcript.end();
    await this.#wave();
    return call;
  }

  /** The recording is whole once the call's report is there. */
  async #ended() {
    announce(t("call.over"));
    this.#transcript.live({who: "", words: "", partial: false});
    for (let tries = 0; tries < REPORT_TRIES && this.isConnected; tries += 1) {
      const call = await this.#refresh();
      if (call && !call.live && call.report.complete) {
        if (call.recording) this.#play();
        return;
      }
      await new Promise((wake) => setTimeout(wake, 500));
    }
  }

  async #hangUp() {
    if (!confirm(t("call.surely"))) return;
    try {
      await send("DELETE", `/sessions/${encodeURIComponent(this.id_)}`);
    } catch (fault) {
      this.#notices.append(faultNotice(fault));
    }
  }
}

function legend() {
  return h("p.legend", {}, ["stt", "endpoint", "retrieval", "first_text", "first_audio", "on_wire"].map((name) =>
    h("span", {class: name}, h("i"), t(`stage.${name}`))));
}

customElements.define("call-view", CallView);
