/** Makes elements. Text is always text: nothing here, or anywhere on our pages, turns data into markup. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * An element: h("button.primary", {type: "button", onclick: go, "aria-label": "Go"}, "Go").
 * `on...` are listeners, `class` adds to that of the name, `dataset` and `style` are objects (style goes through the
 * CSSOM, which the page's policy allows), properties that the element has (value, checked ...) are set as such, all
 * else are attributes; null, undefined and false leave one out. Children are nodes, texts, lists of them, or nothing.
 */
export function h(name, props = {}, ...children) {
  const [tag, ...classes] = name.split(".");
  return equip(document.createElement(tag), classes, props, children);
}

/** The same for SVG. */
export function svg(name, props = {}, ...children) {
  const [tag, ...classes] = name.split(".");
  return equip(document.createElementNS(SVG, tag), classes, props, children);
}

/** Replace what is in `node`. */
export function fill(node, ...children) {
  node.replaceChildren(...nodes(children));
  return node;
}

/** The first element that matches, below `root`. */
export function find(selector, root = document) {
  return root.querySelector(selector);
}

/**
 * Bring the children of `parent` in line with `items`, keeping those that are there already, so that focus and
 * selection stay. `key(item)` is a text, `make(item)` a new element, `update(element, item)` shows a changed item.
 */
export function reconcile(parent, items, key, make, update) {
  const old = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  let place = parent.firstElementChild;
  for (const item of items) {
    const name = String(key(item));
    let child = old.get(name);
    if (child) {
      old.delete(name);
      update?.(child, item);
    } else {
      child = make(item);
      child.dataset.key = name;
    }
    if (child === place) place = place.nextElementSibling;
    else parent.insertBefore(child, place);
  }
  for (const gone of old.values()) gone.remove();
}

/** Tell a screen reader, politely: what has changed while the focus was elsewhere. */
export function announce(text) {
  let region = document.getElementById("announcer");
  if (!region) {
    region = h("div.visually-hidden", {id: "announcer", role: "status", "aria-live": "polite"});
    document.body.append(region);
  }
  region.textContent = text;
}

function equip(element, classes, props, children) {
  if (classes.length) element.classList.add(...classes);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.classList.add(...value.split(" ").filter(Boolean));
    else if (name === "dataset") Object.assign(element.dataset, value);
    else if (name === "style") for (const [key, text] of Object.entries(value)) element.style.setProperty(key, text);
    else if (["value", "checked", "selected", "disabled", "indeterminate", "open"].includes(name)) element[name] = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...nodes(children));
  return element;
}

function nodes(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false)
    .map((child) => (child instanceof Node ? child : document.createTextNode(String(child))));
}
