/** Light, dark, or as the system has it: kept for later visits. Loaded in the head, so that nothing flashes. */

import {keep, recall} from "./i18n.js";

const KEPT = "trunkline.theme";
export const THEMES = ["system", "light", "dark"];

/** The one that is chosen. */
export function theme() {
  const kept = recall(KEPT);
  return THEMES.includes(kept) ? kept : "system";
}

/** Choose one, now and for later. */
export function setTheme(name) {
  keep(KEPT, name);
  apply();
}

function apply() {
  const name = theme();
  if (name === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = name;
}

apply();
