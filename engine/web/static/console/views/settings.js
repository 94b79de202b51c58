/** The configuration in effect: every option, its value, where it differs from the default, and the reason for it. */

import {get} from "../../shared/api.js";
import {fill, h} from "../../shared/dom.js";
import {t} from "../../shared/i18n.js";
import {View, head, loading} from "../view.js";

class SettingsView extends View {
  #options = [];
  #list = h("div.stack");
  #count = h("p.soft.small", {role: "status"});

  async open() {
    fill(this, head(t("nav.settings")), loading());
    this.#options = (await get("/api/console/config")).options;
    const words = h("input", {type: "search", value: this.query.q ?? "", placeholder: t("settings.search"), "aria-label": t("settings.search")});
    const changed = h("input", {type: "checkbox", checked: this.query.changed === "1"});
    const show = () => this.#show(words.value, changed.checked);
    words.addEventListener("input", show);
    changed.addEventListener("change", show);
    fill(this, head(t("nav.settings")), h("p.soft", {}, t("settings.about")),
      h("div.row", {}, h("div.grow", {}, words), h("label.check", {}, changed, t("settings.changed"))), this.#count, this.#list);
    show();
  }

  #show(words, changed) {
    const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
    const found = this.#options.filter((option) => (!changed || option.changed)
      && wanted.every((word) => `${option.path} ${option.reason}`.toLowerCase().includes(word)));
    const groups = new Map();
    for (const option of found) {
      const group = option.path.includes(".") ? option.path.slice(0, option.path.lastIndexOf(".")) : t("settings.top");
      groups.set(group, [...(groups.get(group) ?? []), option]);
    }
    this.#count.textContent = t("settings.count", {count: found.length});
    fill(this.#list, [...groups].map(([group, options]) => h("section.card", {}, h("h2", {}, group), options.map(setting))));
  }
}

customElements.define("settings-view", SettingsView);

function setting(option) {
  const value = shown(option.value);
  return h("div.setting", {},
    h("div", {}, h("code", {}, option.path.split(".").at(-1)), option.changed ? h("span.chip.accent", {}, t("settings.set")) : null),
    h("div", {}, h("code", {class: option.changed ? "changed" : ""}, value === "" ? "–" : value),
      option.changed && !option.secret ? h("span.soft", {}, ` ${t("settings.default")} `, h("code", {}, shown(option.default) || "–")) : null,
      option.reason ? h("p.soft", {}, marked(option.reason)) : null,
      h("p.soft.small", {}, option.expected, " · ", h("code", {}, option.variable))));
}

function shown(value) {
  if (value === null || value === undefined) return "";
  return typeof value === "object" ? (Object.keys(value).length ? JSON.stringify(value) : "") : String(value);
}

/** A text with ``names`` as code. */
function marked(text) {
  return text.split("``").map((part, place) => (place % 2 ? h("code", {}, part) : part));
}
