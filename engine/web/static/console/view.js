/** What every view of the console has in common. */

import {ApiFault} from "../shared/api.js";
import {h} from "../shared/dom.js";
import {t} from "../shared/i18n.js";

/** A custom element that is a page: `open()` fills it once it is shown; what it `own`s is closed when it is left. */
export class View extends HTMLElement {
  id_ = "";
  query = {};
  #owned = [];

  connectedCallback() {
    this.classList.add("view");
    this.setAttribute("aria-busy", "true");
    Promise.resolve(this.open()).catch((fault) => this.#failed(fault)).finally(() => this.removeAttribute("aria-busy"));
  }

  disconnectedCallback() {
    for (const one of this.#owned.splice(0)) one.close();
  }

  /** Something with `close()`. */
  own(one) {
    this.#owned.push(one);
    return one;
  }

  /** Call `tick` every `ms` while the view is shown. */
  every(ms, tick) {
    const timer = setInterval(tick, ms);
    this.own({close: () => clearInterval(timer)});
  }

  open() {}

  #failed(fault) {
    this.querySelector(".loading")?.remove();
    this.append(faultNotice(fault));
  }
}

/** The head of a view: its name, and what can be done. */
export function head(title, ...actions) {
  document.title = `${title} · Trunkline`;
  return h("header.view-head", {}, h("h1", {tabindex: "-1"}, title), h("div.row", {}, ...actions));
}

/** Stands where something is being fetched. */
export function loading() {
  return h("p.soft.loading", {}, t("loading"));
}

/** What went wrong, in a line that says what to do. */
export function faultNotice(fault) {
  return h("p.notice.bad", {role: "alert"}, faultText(fault));
}

export function faultText(fault) {
  if (!(fault instanceof ApiFault)) {
    console.error(fault);
    return t("fault.page", {what: fault.message});
  }
  if (fault.status === 0) return t("fault.unreachable");
  if (fault.status === 401) return t("fault.key");
  if (fault.status === 403) return t("fault.scope", {what: fault.message});
  return fault.message || t("fault.status", {status: String(fault.status)});
}

/** A dot with a word: `tone` is good, warn, bad, busy or idle. */
export function status(tone, text) {
  return h("span.status", {class: tone}, h("i", {"aria-hidden": "true"}), text);
}

/** A figure with what it is. */
export function tile(value, label, tone = "") {
  return h("div.tile", {class: tone}, h("b", {}, value), h("span", {}, label));
}

/** `key: value` pairs; what is empty is left out. */
export function pairs(entries) {
  const given = entries.filter(([, value]) => value !== null && value !== undefined && value !== "" && value !== false);
  return h("dl.pairs", {}, given.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

/** A table: `columns` are [heading, cell(row), class]. On narrow screens every row is a block, each cell with its
 *  heading; the roles keep it a table for who cannot see it. */
export function table(caption, columns, rows) {
  return h("div.table-wrap", {}, h("table", {role: "table"},
    h("caption.visually-hidden", {}, caption),
    h("thead", {role: "rowgroup"}, h("tr", {role: "row"}, columns.map(([name, , kind]) => h("th", {scope: "col", role: "columnheader", class: kind ?? ""}, name)))),
    h("tbody", {role: "rowgroup"}, rows.map((row) => h("tr", {role: "row"}, columns.map(([name, cell, kind]) =>
      h("td", {role: "cell", class: kind ?? "", dataset: {label: name}}, h("div", {}, cell(row)))))))));
}
