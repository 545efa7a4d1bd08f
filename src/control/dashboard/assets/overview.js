// The sentence at the top and the four cards.

import { byId, length, moment, setSince, setText } from "./dom.js";
import { counted, generation, plain, reason, verdict } from "./words.js";
import { change } from "./api.js";

export function showOverview(status) {
  const journal = status.journal;
  const [level, headline, detail] = verdict(status, journal);
  byId("summary").className = `summary ${level}`;
  setText(byId("verdict"), headline);
  setText(byId("verdict-detail"), detail);
  setText(byId("announcement"), `${headline}. ${status.active?.id ?? ""}`);
  document.title = `${level === "good" ? "" : "(!) "}${headline} · mailserver-sidecar`;
  showMailserver(status);
  showNetwork(status.online);
  showNode(status);
  showHistory(journal);
  setText(byId("version"), `mailserver-sidecar ${status.version}, up ${length(status.uptime_ms)}`);
}

function showMailserver({ active, reach, standby, pin }) {
  setText(byId("active-label"), reach ? "Answers" : "In use");
  const used = reach ? reach.mailserver : active;
  const state = !used ? "" : reach ? "" : ` (${active.state})`;
  setText(byId("active"), used ? used.id + state : "none");
  setSince(byId("active-since"), "for", (reach ?? active)?.since_ms);
  setText(byId("standby"), reach ? "the node picks one for each query" : standbyWords(standby));
  setText(byId("pin"), pin ? pin.id + (pin.fallback_reason ? `, not in use: ${pin.fallback_reason}` : "") : "none");
  byId("unpin").hidden = !pin;
}

function standbyWords(standby) {
  if (!standby) return "none";
  return `${standby.id}${standby.listed ? ", a peer already" : ""}`;
}

function showNetwork(online) {
  setText(byId("online"), plain(online?.verdict ?? "not known"));
  setSince(byId("online-since"), "for", online?.since_ms);
  setText(byId("online-reason"), online?.reason ?? "–");
  setText(byId("online-node"), { true: "it is online", false: "it is offline" }[online?.node] ?? "nothing");
}

function showNode({ node, mode, fleet }) {
  const reason = node?.reason ? `: ${node.reason}` : "";
  setText(byId("node-state"), node ? `${plain(node.state)}${mode ? `, mode ${mode}` : ""}${reason}` : "not known");
  setText(byId("fleet"), fleet ?? "not known");
  setText(byId("generation"), generation(node?.generation));
}

function showHistory(journal) {
  const parts = { covered: "not known", open: "not known", next: "–" };
  if (journal) {
    const behind = journal.oldest && journal.covered_until_ms !== null;
    parts.covered = journal.covered_until_ms === null ? "nothing yet"
      : behind ? `up to ${moment(journal.covered_until_ms)}` : "up to now";
    parts.open = journal.open === 0 ? "nothing" : `${counted(journal.open, "window")}: ${journal.oldest.reasons.map(reason).join(", ")}`;
    if (journal.being_checked > 0) parts.open += `; ${counted(journal.being_checked, "window")} fetched, being compared`;
    parts.next = journal.requesting ? "under way" : journal.next_try_ms !== null ? `in ${length(journal.next_try_ms + 999)}`
      : journal.open > 0 ? "nobody can be asked now" : "when there is need";
  }
  setText(byId("covered"), parts.covered);
  setText(byId("windows-open"), parts.open);
  setText(byId("next-try"), parts.next);
}

byId("unpin").addEventListener("click", (event) => {
  change(event.currentTarget, "Unpinned: any mailserver may be used again.", "DELETE", "/api/v1/pin");
});
byId("fetch-now").addEventListener("click", (event) => {
  change(event.currentTarget, "History is requested; what comes of it is told below.", "POST", "/api/v1/history");
});
