/** Line icons, 20 by 20, drawn for this console. */

import {svg} from "../shared/dom.js";

const PATHS = {
  live: "M3 10h2m2-4v8m3-11v14m3-11v8m2-4h2",
  past: "M10 6v4l3 2M3.5 10a6.5 6.5 0 1 0 2-4.7M3 3.5v3.2h3.2",
  knowledge: "M4 4.5c2-1 4-1 6 .5v11c-2-1.500-4-1.500-6-.5zM16 4.5c-2-1-4-1-6 .5v11c2-1.500 4-1.500 6-.5z",
  agents: "M10 10a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM4.500 16.500c.5-3 2.800-4.500 5.500-4.500s5 1.500 5.500 4.500",
  providers: "M6 3v4m8-4v4M4.500 7h11v2.500a5.500 5.500 0 0 1-11 0zM10 15v2.500",
  health: "M3 10h3.500l2-5 3.500 10 2-5H17",
  settings: "M4 6h7m3 0h2M4 14h2m3 0h7M12.500 4.500v3M7.500 12.500v3",
  play: "M6 4l10 6-10 6z",
  pause: "M6.500 4v12M13.500 4v12",
  back: "M12 4l-6 6 6 6",
  hangup: "M3 12.500c4-4 10-4 14 0l-2 2-3-1.500v-2c-1.300-.4-2.700-.4-4 0v2l-3 1.500z",
  upload: "M10 13V4m-3.500 3L10 3.500 13.500 7M4 13v3h12v-3",
  trash: "M4 6h12M8 6V4h4v2m-6.500 0 .7 10h7.600l.7-10",
  check: "M4 10.500l4 4 8-9",
  external: "M11 4h5v5m0-5-7 7M8 5H4v11h11v-4",
  search: "M9 14a5 5 0 1 0 0-10 5 5 0 0 0 0 10zm3.600-1.400L16.500 16.500",
};

/** The icon of that name; it says nothing by itself. */
export function icon(name) {
  return svg("svg.icon", {viewBox: "0 0 20 20", width: 20, height: 20, fill: "none", stroke: "currentColor",
    "stroke-width": 1.6, "stroke-linecap": "round", "stroke-linejoin": "round", "aria-hidden": "true"},
    svg("path", {d: PATHS[name]}));
}
