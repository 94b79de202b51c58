/** Providers: who is configured, in which order a call asks them and why, and whose breaker is open. */

import {get, send} from "../../shared/api.js";
import {fill, h} from "../../shared/dom.js";
import {ms, number, t} from "../../shared/i18n.js";
import {View, faultNotice, head, status, table} from "../view.js";

const TONES = {closed: "good", half_open: "warn", open: "bad"};

class ProvidersView extends View {
  #language = "";
  #region = "";
  #body = h("div.stack");
  #breakers = h("div");
  #said = h("div", {"aria-live": "polite"});
  #shown = "";

  async open() {
    fill(this, head(t("nav.providers")), this.#said, this.#body);
    const follow = (event) => this.#follow(event.detail?.breakers ?? []);
    addEventListener("engine-health", follow);
    this.own({close: () => removeEventListener("engine-health", follow)});
    await this.#load();
  }

  async #load() {
    const found = await get("/api/console/providers", {language: this.#language, region: this.#region});
    this.#tell(found.breakers);
    fill(this.#body,
      h("section.card", {}, h("h2", {}, t("providers.breakers")), h("p.soft.small", {}, t("providers.breakersabout")), this.#breakers),
      h("section.card", {}, h("h2", {}, t("providers.configured")), found.configured.length ? table(t("providers.configured"), [
        [t("providers.name"), (row) => h("b", {}, row.name)], [t("providers.kind"), (row) => h("code", {}, row.kind)],
        [t("providers.model"), (row) => row.deployment ?? row.model ?? row.voice ?? ""], [t("providers.url"), (row) => row.url ?? row.base_url ?? ""],
      ], found.configured) : h("p.soft", {}, t("providers.none")),
      h("p.soft.small", {}, t("providers.embedded", {stt: found.embedded.stt, tts: found.embedded.tts}))),
      this.#orders(found));
  }

  #orders(found) {
    if (!found.routing_file) return h("section.card", {}, h("h2", {}, t("providers.order")), h("p.soft", {}, t("providers.norouting")));
    const language = h("input", {value: this.#language, placeholder: found.decisions[0]?.facts.language ?? "en", maxlength: 20});
    const region = h("input", {value: this.#region, maxlength: 80});
    return h("section.card", {}, h("h2", {}, t("providers.order")),
      h("form.filters", {onsubmit: (event) => {
        event.preventDefault();
        [this.#language, this.#region] = [language.value.trim(), region.value.trim()];
        this.#load().catch((fault) => fill(this.#said, faultNotice(fault)));
      }}, h("label", {}, t("past.language"), language), h("label", {}, t("providers.region"), region), h("div", {}, h("button.button", {}, t("providers.show")))),
      found.decisions.map((one) => h("div.stack.order", {}, h("h3", {}, t(`capability.${one.capability}`), h("span.soft.small", {}, ` ${t("providers.by")} ${one.by}`)),
        one.candidates.length ? table(t(`capability.${one.capability}`), [
          ["#", (row) => String(one.candidates.indexOf(row) + 1), "num"], [t("providers.name"), (row) => h("b", {}, `${row.provider}/${row.model}`)],
          [t("providers.score"), (row) => number(row.score, 3), "num"],
          [t("providers.points"), (row) => Object.entries(row.points).filter(([, value]) => value).map(([name, value]) => `${name} ${value > 0 ? "+" : ""}${number(value, 2)}`).join(" · ")],
          ["p95", (row) => ms(row.p95_ms), "num"], [t("health.state"), (row) => status(row.ready ? TONES[row.state] : "bad", row.note || t(`breaker.${row.state}`))],
        ], one.candidates) : h("p.notice.bad", {}, t("providers.nobody")),
        one.excluded.length ? h("details", {}, h("summary", {}, t("providers.excluded", {count: one.excluded.length})),
          h("ul.small.soft", {}, one.excluded.map((gone) => h("li", {}, `${gone.provider}${gone.model ? `/${gone.model}` : ""}: ${gone.why}`)))) : null)));
  }

  /** The engine's state comes every other second: the table is made anew only where something differs. */
  #follow(breakers) {
    if (JSON.stringify(breakers) !== this.#shown) this.#tell(breakers);
  }

  #tell(breakers) {
    this.#shown = JSON.stringify(breakers);
    fill(this.#breakers, breakers.length ? table(t("providers.breakers"), [
      [t("providers.name"), (row) => h("b", {}, row.provider)], [t("providers.for"), (row) => t(`capability.${row.capability}`)],
      [t("health.state"), (row) => status(TONES[row.state], t(`breaker.${row.state}`))],
      [t("providers.again"), (row) => (row.ready_in_s ? `${number(row.ready_in_s)} s` : ""), "num"],
      ["", (row) => h("button.button", {type: "button", disabled: row.state === "closed" && !row.ready_in_s,
        "aria-label": `${t("providers.reset")}: ${row.provider}`, onclick: () => this.#reset(row.provider)}, t("providers.reset"))],
    ], breakers) : h("p.soft", {}, t("providers.quiet")));
  }

  async #reset(provider) {
    try {
      await send("POST", `/admin/providers/${encodeURIComponent(provider)}/reset`);
      fill(this.#said, h("p.notice.good", {}, t("providers.wasreset", {provider})));
      await this.#load();
    } catch (fault) {
      fill(this.#said, faultNotice(fault));
    }
  }
}

customElements.define("providers-view", ProvidersView);
