// Only where `simulate` runs: breaks the simulated node and its mailservers, so that one sees what the sidecar does.

import { arrange, byId, element, setText } from "./dom.js";
import { change, request } from "./api.js";

const FAULTS = ["killed", "hung", "isolated", "deaf", "slowed"];
const NODE_FAULTS = ["offline", "stopped", "logged-out"];
const MEANING = "Killed: its port refuses. Hung: it takes connections and never answers. Isolated: out of reach of the node. "
  + "Deaf: it answers pings and fails history requests. Slowed: it answers late.";

const rows = new Map();
const about = element("p", { class: "note" });
const list = element("ul", { class: "playground" });

byId("summary").after(element("section", { id: "playground", "aria-labelledby": "playground-title" },
  element("h2", { id: "playground-title" }, "Playground"),
  element("p", {}, "This node is simulated. Break something, and watch what the sidecar does about it."), about, list,
  element("p", { class: "note" }, MEANING)));

/** One thing that can be broken: what it is, and a choice of what is the matter with it. */
function newRow(label, path, faults) {
  const choice = element("select", {}, element("option", { value: "" }, "well"),
    ...faults.map((fault) => element("option", { value: fault }, fault)));
  const node = element("li", {}, element("label", {}, element("span", {}, label), choice));
  choice.addEventListener("change", async () => {
    const fault = choice.value;
    const done = fault ? `${label} is ${fault}.` : `${label} is well again.`;
    await (fault ? change(null, done, "PUT", path, { fault }) : change(null, done, "DELETE", path));
    look();
  });
  return { node, choice };
}

async function look() {
  const view = await request("GET", "/api/v1/playground").catch(() => null);
  if (!view) return;
  const { sent, missing } = view.messages;
  setText(about, `${sent} messages were sent so far; the node lacks ${missing} of them now.`);
  const all = [["the node", "/api/v1/playground/node", NODE_FAULTS, view.node.fault],
    ...view.mailservers.map((it) => [it.id, `/api/v1/playground/mailservers/${encodeURIComponent(it.id)}`, FAULTS, it.fault])];
  arrange(list, all.map(([label, path, faults, fault]) => {
    if (!rows.has(label)) rows.set(label, newRow(label, path, faults));
    const { node, choice } = rows.get(label);
    if (document.activeElement !== choice) choice.value = fault ?? "";
    node.className = fault ? "broken" : "";
    return node;
  }));
}

// Whatever the sidecar tells of may be of one's own making.
document.addEventListener("heard", look);
look();
