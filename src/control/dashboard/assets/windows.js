// The windows: what is still to be fetched, and what became of the others.

import { byId, element, length, moment, setText } from "./dom.js";
import { counted, reason } from "./words.js";
import { change } from "./api.js";

const FEW = 8;
let all = false;
let report = null;

export function showWindows(told) {
  report = told;
  if (!told) return setText(byId("windows-note"), "The journal does not answer.");
  const windows = [...told.open, ...told.recent];
  setText(byId("windows-note"), windows.length === 0
    ? "None so far." : told.open.length === 0 ? "All of these were fetched, or given up." : "");
  byId("windows-note").hidden = byId("windows-note").textContent === "";
  const shown = all ? windows : windows.slice(0, Math.max(FEW, told.open.length));
  byId("windows").replaceChildren(...shown.map(line));
  const more = windows.length - shown.length;
  byId("windows-all").hidden = more === 0 && !all;
  setText(byId("windows-all"), all ? "Show fewer" : `Show ${more} more`);
}

function line(window) {
  const [text, colour] = state(window);
  const until = window.until_ms === null ? "and goes on" : lasting(window.until_ms - window.from_ms);
  const reasons = window.reasons.map(reason).join(", ");
  const by = [...new Set(window.attempts.filter((it) => !it.failure).map((it) => it.mailserver).filter(Boolean))];
  const details = [
    reasons, window.requests > 0 ? counted(window.requests, "request") : null,
    by.length > 0 ? `from ${by.join(", ")}` : null,
    window.shortage ? `${counted(window.shortage.missing ?? 0, "message")} were missing at first` : null,
  ];
  return element("li", {},
    element("time", { datetime: new Date(window.from_ms).toISOString() }, `${moment(window.from_ms)} ${until}`),
    element("span", {}, element("span", { class: `badge ${colour}` }, text)),
    element("span", {}, details.filter(Boolean).join("; ")));
}

const lasting = (milliseconds) => (milliseconds < 1000 ? "for an instant" : `for ${length(milliseconds)}`);

function state({ state }) {
  switch (state.state) {
    case "open": return ["to be fetched", "warn"];
    case "fetched": return ["being compared", "accent"];
    case "covered": return ["fetched", "good"];
    case "given_up": return ["given up", "bad"];
    default: return [state.state, ""];
  }
}

byId("windows-all").addEventListener("click", () => {
  all = !all;
  showWindows(report);
});

byId("again").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.currentTarget;
  const fields = [...new FormData(form)].filter(([, value]) => value !== "");
  const period = Object.fromEntries(fields.map(([name, value]) => [name, new Date(value).getTime()]));
  const done = (answer) => `Window ${answer.window} is opened: it is fetched again.`;
  await change(form.querySelector("button"), done, "POST", "/api/v1/history", period);
});
