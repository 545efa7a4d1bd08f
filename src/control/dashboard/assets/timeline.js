// What happened, the newest first: filtered, searched, scrolled back.

import { byId, element, moment, setText } from "./dom.js";
import { GROUPS, gist, groupOf } from "./words.js";

/** The sidecar keeps 1,024 events; a page that is open for days keeps a little more. */
const MOST = 2000;
const STEP = 100;

const events = [];
const known = new Set();
const hidden = new Set();
let shown = STEP;
let newest = 0;
let scheduled = false;

/** Takes an event of the stream, unless it is there already: a replay brings them again. */
export function addEvent(name, sequence, data) {
  const key = `${sequence} ${data.at}`;
  if (known.has(key)) return;
  // Another process counts from 1 again.
  if (sequence <= newest) events.unshift({ restart: true });
  newest = sequence;
  known.add(key);
  events.unshift({ name, key, data, text: [name, ...gist(name, data).slice(0, 2)].join(" ").toLowerCase() });
  events.splice(MOST).forEach((it) => known.delete(it.key));
  // A replay brings hundreds at once.
  if (!scheduled) requestAnimationFrame(render);
  scheduled = true;
}

export function render() {
  scheduled = false;
  const wanted = byId("search").value.trim().toLowerCase();
  const matching = events.filter((it) => it.restart || (!hidden.has(groupOf(it.name)) && it.text.includes(wanted)));
  byId("timeline").replaceChildren(...matching.slice(0, shown).map(line));
  const count = matching.filter((it) => !it.restart).length;
  setText(byId("timeline-note"), events.length === 0 ? "Nothing yet." : count === 0 ? "Nothing matches." : "");
  byId("timeline-note").hidden = byId("timeline-note").textContent === "";
  byId("older").hidden = matching.length <= shown;
}

function line({ restart, name, data }) {
  if (restart) return element("li", { class: "restart" }, "the sidecar was started again");
  const [word, text, colour = ""] = gist(name, data);
  const at = Date.parse(data.at);
  return element("li", { "data-event": name },
    element("time", { datetime: data.at }, moment(at)),
    element("span", {}, element("span", { class: `badge ${colour}` }, word)),
    element("span", {}, text));
}

for (const group of Object.keys(GROUPS)) {
  const box = element("input", { type: "checkbox", checked: "" });
  box.addEventListener("change", () => {
    if (box.checked) hidden.delete(group);
    else hidden.add(group);
    render();
  });
  byId("groups").append(element("label", {}, box, group));
}
byId("search").addEventListener("input", render);
byId("older").addEventListener("click", () => {
  shown += STEP;
  render();
});
