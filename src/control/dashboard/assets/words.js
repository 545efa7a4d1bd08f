// What codes and events mean, for people. What is not known here is shown as it came: the sidecar may be newer.

import { length, moment } from "./dom.js";

const plain = (code) => String(code ?? "?").replaceAll("_", " ");
const counted = (number, one) => `${number} ${one}${number === 1 ? "" : "s"}`;

const REASONS = {
  sidecar_away: "the sidecar was not running",
  node_away: "the node was down or logged out",
  node_offline: "the node was offline",
  asleep: "the machine slept",
  poor_mesh: "the node was badly connected",
  deaf: "the node was deaf",
  mailserver_changed: "the mailserver changed",
  mailserver_short: "a mailserver held less than others",
  second_opinion: "a second mailserver is asked",
  request_failed: "a request failed",
  swept: "a sweep found messages",
  asked: "somebody asked for it",
};
export const reason = (code) => REASONS[code] ?? plain(code);

const GENERATIONS = {
  classic: "asks the mailserver that it is told to use (up to v0.95)",
  own_cycle: "has a mailserver cycle of its own (2022 to mid-2026)",
  per_query: "picks a mailserver for each query (since mid-2026)",
};
export const generation = (code) => (code ? GENERATIONS[code] ?? plain(code) : "not known yet");

const ORIGINS = {
  node: "saved in the node", configuration: "of the configuration", added: "added", pin: "named by the pin",
  peer: "a peer of the node",
};
export const origin = (code) => ORIGINS[code] ?? "";

/** How much a candidate is trusted: text and colour. */
export function trust(candidate) {
  if (candidate.cool_off_ms) return [`failed lately, avoided for ${length(candidate.cool_off_ms + 999)}`, "warn"];
  const tiers = { healthy: ["healthy", "good"], unknown: ["nothing known", ""], cooling: ["failed lately", "warn"] };
  return tiers[candidate.tier] ?? ["not chosen from yet", ""];
}

const STANDINGS = {
  not_drawn: "in the pool, another was drawn", slower: "slower than the pool", cooling: "failed lately, others had not",
  unproven: "nothing known of it, others are proven", not_listed: "not a peer of the node, another was",
  pending: "had not answered when it was settled",
};
const FAILURES = {
  refused: "connection refused", unresolved: "its name has no address", wrong_peer: "another peer is there",
  no_protocol: "no common protocol", no_store: "keeps no history", impossible: "cannot be probed",
};

/** What became of a candidate in the last choice. */
export function standing(considered, purpose) {
  const verdict = considered?.verdict?.verdict;
  if (!verdict) return "not asked";
  if (verdict === "chosen") return purpose === "reach" ? "answers" : "chosen";
  if (verdict === "no_reply") return failure(considered.verdict.detail);
  return STANDINGS[verdict] ?? plain(verdict);
}

function failure({ failure, detail } = {}) {
  if (failure === "silent") return detail && detail !== "round" ? `no reply (${plain(detail)})` : "no reply";
  if (failure === "other") return String(detail);
  return FAILURES[failure] ?? plain(failure);
}

/** The groups of the timeline, and which events are in them. */
export const GROUPS = {
  Connection: ["mailserver:changed", "mailserverAvailable", "peerConnected", "peerDisconnected"],
  Choices: ["decision"],
  History: ["history:requested", "history:completed", "history:failed"],
  Windows: ["window:opened", "window:covered", "window:given-up"],
  "Audits and gaps": ["audit:short", "gap:filled", "node:deaf"],
  Network: ["online", "offline", "suspect", "asleep"],
  Service: ["actor:restarted"],
};
export const groupOf = (name) => Object.keys(GROUPS).find((group) => GROUPS[group].includes(name)) ?? "Service";

const period = (data) => length(data.until_ms - data.from_ms);
const id = (mailserver) => mailserver?.id ?? "one that the node picked";
const GIST = {
  "mailserver:changed": (it) => ["mailserver", it.mailserver ? `${it.mailserver.id} is used: ${it.reason}` : `none is used: ${it.reason}`, it.mailserver ? "accent" : "warn"],
  mailserverAvailable: (it) => ["connected", `history can be asked of ${id(it.mailserver)}`, "good"],
  peerConnected: (it) => ["peer", `the node is connected to ${id(it.mailserver)}`],
  peerDisconnected: (it) => ["peer lost", `the node is no longer connected to ${id(it.mailserver)}`, "warn"],
  decision: (it) => ["choice", it.chosen
    ? `${it.chosen.id}${it.purpose === "standby" ? " is next" : ""}, from a pool of ${it.pool}; ${counted(it.considered?.length ?? 0, "candidate")}, ${length(it.took_ms) === "0 s" ? `${it.took_ms} ms` : length(it.took_ms)}`
    : "nobody was usable", it.chosen ? "" : "warn"],
  "history:requested": (it) => ["request", `history is asked of ${id(it.mailserver)}`],
  "history:completed": (it) => ["answer", `${id(it.mailserver)} answered after ${it.took_ms} ms`, "good"],
  "history:failed": (it) => ["no answer", `${id(it.mailserver)}: ${it.reason}; next try in ${length(it.retry_in_ms)}`, "warn"],
  "window:opened": (it) => ["window open", `number ${it.window} since ${moment(it.from_ms)}: ${reason(it.reason)}`, "warn"],
  "window:covered": (it) => ["window closed", `number ${it.window}, ${period(it)}, fetched from ${it.mailserver ?? "one that the node picked"}`, "good"],
  "window:given-up": (it) => ["given up", `window ${it.window}, ${period(it)}: ${it.reason}`, "bad"],
  "audit:short": (it) => ["audit", `${counted(it.missing, "message")} of window ${it.window} missing${it.mailservers?.length ? ` at ${it.mailservers.join(", ")}` : ""}: fetched again`, "warn"],
  "gap:filled": (it) => ["gap", `${counted(it.gaps, "gap")} of ${it.chat} filled`],
  "node:deaf": (it) => [it.deaf ? "deaf" : "hears again", it.reason, it.deaf ? "bad" : "good"],
  online: (it) => ["online", it.offline_ms ? `after ${length(it.offline_ms)}: ${it.reason}` : it.reason, "good"],
  offline: (it) => ["offline", it.reason, "bad"],
  suspect: (it) => ["in doubt", it.reason, "warn"],
  asleep: (it) => ["slept", `for ${length(it.slept_ms)}`],
  "actor:restarted": (it) => ["restart", `${it.actor}: ${it.reason}`, "bad"],
};

/** An event: its word, what it says, and a colour. */
export function gist(name, data) {
  const told = GIST[name]?.(data);
  return told ?? [name, JSON.stringify(data)];
}

/** The state of everything in one sentence, and the next one; with a colour. */
export function verdict(status, journal) {
  const [level, headline, detail] = trouble(status) ?? ["good", "All is well", connected(status)];
  const history = historySentence(journal);
  if (level === "good" && journal?.open > 0) return ["warn", "Messages are being fetched", `${detail}. ${history}`];
  return [level, headline, [detail, history].filter(Boolean).join(". ") + "."];
}

const connected = (status) => (status.reach
  ? `History can be fetched: ${status.reach.mailserver?.id} answers`
  : `Connected to ${status.active?.id}`);

/** What keeps the node from its mailserver, the most fundamental first. */
function trouble({ node, online, active, reach, mode }) {
  if (!node) return ["warn", "Not known", "The sidecar does not know the state of the node yet"];
  if (node.state === "unreachable") return ["bad", "The node cannot be reached", node.reason ?? ""];
  if (node.state === "logged_out") return ["bad", "Nobody is logged in to the node", "Log in, or configure login.password_file"];
  if (node.use_mailservers === false) return ["warn", "Only watching", "Mailservers are switched off in the node's settings"];
  if (online?.verdict === "offline") return ["bad", "Offline", online.reason];
  if (reach) return reach.mailserver ? null : ["bad", "History cannot be fetched", reach.hindrance ?? "No mailserver answers"];
  if (active?.state === "connected") return null;
  if (active?.state === "connecting") return ["warn", "Connecting", `To ${active.id}`];
  if (active) return ["warn", "Finding out", `Whether ${active.id} is lost, or we are offline`];
  return ["bad", "No mailserver is connected", mode ? "All are asked again and again" : ""];
}

function historySentence(journal) {
  if (!journal) return "";
  if (journal.open > 0) return `${counted(journal.open, "window")} to be fetched, the oldest since ${moment(journal.oldest.from_ms)}`;
  if (journal.covered_until_ms === null) return "Nothing was fetched yet";
  return journal.being_checked > 0 ? "History is fetched and being compared with other mailservers" : "History is complete up to now";
}

export { counted, plain };
