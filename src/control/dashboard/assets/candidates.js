// The table of mailservers: one row each, kept as long as the mailserver is there, so that nothing jumps.

import { arrange, byId, element, setText } from "./dom.js";
import { origin, standing, trust } from "./words.js";
import { change, confirmed } from "./api.js";
import { drawChart, dropChart } from "./chart.js";

const rows = new Map();
let last = { active: null, pin: null };

export function showCandidates(status, roundTrips) {
  last = { active: status.active, pin: status.pin };
  const all = status.candidates;
  const note = byId("candidates-note");
  if (!all) return setText(note, "The registry of mailservers does not answer.");
  setText(note, all.length === 0
    ? "There is none: the fleet has no mailservers, or is not known yet. Add one below."
    : status.reach ? "This node picks one of these for each query by itself: none can be chosen for it." : "");
  note.hidden = note.textContent === "";
  const considered = status.last_decision?.considered ?? [];
  const rank = (id) => considered.findIndex((it) => it.mailserver.id === id);
  const place = (it) => (it.id === status.active?.id ? -1 : rank(it.id) < 0 ? considered.length : rank(it.id));
  const sorted = [...all].sort((one, other) => place(one) - place(other));
  const samples = new Map((roundTrips?.mailservers ?? []).map((it) => [it.id, it.samples]));
  const measured = [...samples.values()].flat();
  const scale = {
    // One that takes seconds would make all others a flat line.
    slowest: Math.min(500, Math.max(50, ...measured.map((it) => it.rtt_ms ?? 0))),
    oldest: Math.max(60_000, ...measured.map((it) => it.ago_ms)),
  };
  const shown = sorted.map((candidate) => {
    const row = rows.get(candidate.id) ?? newRow(candidate.id);
    fill(row, candidate, considered[rank(candidate.id)], status, samples.get(candidate.id)?.at(-1));
    return row.node;
  });
  arrange(byId("candidates"), shown);
  // A chart takes its colour from where it stands: not before its row is there.
  for (const { id } of sorted) drawChart(rows.get(id).chart, samples.get(id) ?? [], scale);
  const ids = new Set(all.map((it) => it.id));
  for (const [id, row] of rows) {
    if (ids.has(id)) continue;
    dropChart(row.chart);
    rows.delete(id);
  }
}

function newRow(id) {
  const cell = (label, extra) => element("td", { role: "cell", "data-label": label, class: extra });
  const name = element("span", { class: "id" }, id);
  const [badges, from] = [element("span"), element("span", { class: "quiet" })];
  const chart = element("div", { class: "chart", role: "img" });
  const head = element("th", { scope: "row", role: "rowheader" }, name, " ", badges, " ", from);
  const pin = element("button", { type: "button" }, "Pin");
  const remove = element("button", { type: "button" }, "Remove");
  pin.setAttribute("aria-label", `Pin ${id}`);
  remove.setAttribute("aria-label", `Remove ${id}`);
  pin.addEventListener("click", () => pinned(pin, id));
  remove.addEventListener("click", () => removed(remove, id));
  const cells = {
    chart: cell("Round trips", "chart-cell"), now: cell("Now", "now"), trust: cell("Trust"), fate: cell("Last choice"),
    actions: cell("Change", "actions-cell"),
  };
  cells.chart.append(chart);
  cells.actions.append(element("div", { class: "actions" }, pin, remove));
  const node = element("tr", { role: "row" }, head, ...Object.values(cells));
  const row = { node, badges, from, chart, cells, pin, remove };
  rows.set(id, row);
  return row;
}

function fill(row, candidate, considered, status, newest) {
  const active = candidate.id === status.active?.id;
  const pin = candidate.id === status.pin?.id;
  row.node.className = active ? "active" : "";
  row.node.title = candidate.address;
  const badges = [
    active && ["in use", "accent"], candidate.id === status.standby?.id && ["next", ""], pin && ["pinned", "accent"],
    candidate.state === "connected" && !active && ["peer", ""],
  ].filter(Boolean);
  const told = badges.map(([text]) => text).join(" ");
  if (row.badges.dataset.told !== told) {
    row.badges.dataset.told = told;
    row.badges.replaceChildren(...badges.flatMap(([text, colour]) => [element("span", { class: `badge ${colour}` }, text), " "]));
  }
  setText(row.from, origin(candidate.origin));
  const now = newest ? newest.rtt_ms : candidate.rtt_ms;
  setText(row.cells.now, now === null ? (newest ? "no answer" : "–") : `${now.toFixed(now < 100 ? 1 : 0)} ms`);
  const [words, colour] = trust(candidate);
  setText(row.cells.trust, words);
  row.cells.trust.className = colour ? `${colour}-text` : "";
  setText(row.cells.fate, standing(considered, status.last_decision?.purpose));
  row.pin.hidden = pin || Boolean(status.reach);
  row.remove.hidden = candidate.origin !== "added";
}

async function pinned(button, id) {
  const used = last.active?.id;
  const question = `Pin ${id}? The node leaves ${used} and connects to ${id}; it is used as long as it works.`;
  if (used && used !== id && !(await confirmed(question, "Pin it"))) return;
  change(button, `${id} is pinned.`, "PUT", "/api/v1/pin", { id });
}

async function removed(button, id) {
  const inUse = id === last.active?.id ? "It is in use: the node leaves it for another one." : null;
  const isPin = id === last.pin?.id ? "It is the pinned one." : null;
  if ((inUse || isPin) && !(await confirmed(`Remove ${id}? ${inUse ?? isPin}`, "Remove it"))) return;
  change(button, `${id} is removed.`, "DELETE", `/api/v1/mailservers/${encodeURIComponent(id)}`);
}

byId("add").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.currentTarget;
  const fields = Object.fromEntries([...new FormData(form)].filter(([, value]) => value.trim() !== ""));
  const button = form.querySelector("button");
  if (await change(button, `${fields.id} is added.`, "POST", "/api/v1/mailservers", fields)) form.reset();
});
