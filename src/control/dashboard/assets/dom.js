// The few things that all parts do with the document. Texts go in as texts: nothing is ever read as HTML.

export const byId = (id) => document.getElementById(id);

/** An element with attributes and children. */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

/** Sets a text, and touches nothing if it is there already: a reader is not disturbed. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Shows how long ago something began, and goes on counting. */
export function setSince(node, words, sinceMs) {
  if (sinceMs === null || sinceMs === undefined) {
    delete node.dataset.began;
    setText(node, "");
    return;
  }
  node.dataset.began = String(performance.now() - sinceMs);
  node.dataset.words = words;
  count(node);
}

function count(node) {
  const passed = performance.now() - Number(node.dataset.began);
  setText(node, `${node.dataset.words} ${length(passed)}`);
}

setInterval(() => document.querySelectorAll("[data-began]").forEach(count), 1000);

/** A length of time, as people say it: two units at most. */
export function length(milliseconds) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const units = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
  const first = units.findIndex(([, size]) => seconds >= size);
  if (first < 0) return "0 s";
  const [unit, size] = units[first];
  const told = `${Math.floor(seconds / size)} ${unit}`;
  const [next, smaller] = units[first + 1] ?? [];
  const rest = next ? Math.floor((seconds % size) / smaller) : 0;
  return rest > 0 ? `${told} ${rest} ${next}` : told;
}

/** A moment: the time of day, and the date if it is not today. */
export function moment(milliseconds) {
  const date = new Date(milliseconds);
  const time = date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
  const today = date.toDateString() === new Date().toDateString();
  return today ? time : `${date.toLocaleDateString([], { year: "numeric", month: "short", day: "numeric" })} ${time}`;
}

/** Brings the children of a parent into this order; who is there already is moved only if it must be. */
export function arrange(parent, children) {
  const focused = document.activeElement;
  children.forEach((child, place) => {
    if (parent.children[place] !== child) parent.insertBefore(child, parent.children[place] ?? null);
  });
  while (parent.children.length > children.length) parent.lastChild.remove();
  if (focused !== document.activeElement && focused?.isConnected) focused.focus();
}
