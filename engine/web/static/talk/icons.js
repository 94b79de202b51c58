/** Line icons, 24 by 24, drawn for this page. */

import {svg} from "../shared/dom.js";

const PATHS = {
  mic: "M12 3.500a2.800 2.800 0 0 0-2.800 2.800v5.400a2.800 2.800 0 0 0 5.600 0V6.300A2.800 2.800 0 0 0 12 3.500zM5.800 11.500a6.200 6.200 0 0 0 12.400 0M12 17.700V20.500M8.800 20.500h6.400",
  micOff: "M9.200 9.200v2.500a2.800 2.800 0 0 0 4.700 2M14.800 11V6.300a2.800 2.800 0 0 0-5.400-1M5.800 11.500a6.200 6.200 0 0 0 10 4.900M18.200 11.500a6 6 0 0 1-.5 2.400M12 17.700V20.500M8.800 20.500h6.400M4 4l16 16",
  skip: "M7 7h10v10H7z",
  end: "M6.500 6.500l11 11M17.500 6.500l-11 11",
  send: "M5 12h13M12.500 6l6 6-6 6",
  hand: "M9.500 12.500V6a1.500 1.500 0 0 1 3 0v5l4.300.9a2 2 0 0 1 1.600 2.300l-.6 3.300a2.500 2.500 0 0 1-2.500 2H12a3 3 0 0 1-2.300-1.100l-3.400-4.100c-1-1.300.6-2.700 1.800-1.700zM6.500 8A4.600 4.600 0 0 1 7.700 3.500M15.500 8A4.600 4.600 0 0 0 14.300 3.500",
};

/** The icon of that name; it says nothing by itself. */
export function icon(name) {
  return svg("svg.icon", {viewBox: "0 0 24 24", fill: "none", stroke: "currentColor", "stroke-width": 1.8,
    "stroke-linecap": "round", "stroke-linejoin": "round", "aria-hidden": "true"}, svg("path", {d: PATHS[name]}));
}
