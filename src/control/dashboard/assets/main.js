// Follows the event stream; at each event the state is asked for again. Nothing is asked for without an event.

import { byId, moment, setText } from "./dom.js";
import { GROUPS } from "./words.js";
import { Refused, request } from "./api.js";
import { showOverview } from "./overview.js";
import { showCandidates } from "./candidates.js";
import { showWindows } from "./windows.js";
import { addEvent, render } from "./timeline.js";

/** A failover is ten events in as many milliseconds: they are one change of the page. */
const PAUSE_MS = 200;
/** The sidecar sends a heartbeat every 15 s. */
const SILENCE_MS = 40_000;
const RETRY_MS = 2_000;

/** Later than before by more than this: another process. An answer that was only slow costs a replay, which changes nothing. */
const SKEW_MS = 250;

let [asking, again, heard, stream, fresh] = [false, false, performance.now(), null, Date.now()];
let began = Infinity;

async function refresh() {
  if (asking) {
    again = true;
    return;
  }
  asking = true;
  try {
    const [status, history, roundTrips] = await Promise.all([
      request("GET", "/api/v1/status"),
      request("GET", "/api/v1/history").catch(() => null),
      request("GET", "/api/v1/round-trips").catch(() => null),
    ]);
    fresh = Date.now();
    document.dispatchEvent(new Event("heard"));
    showOverview(status);
    showCandidates(status, roundTrips);
    showWindows(history);
    if (stream?.readyState === EventSource.OPEN) showLive();
    noticeRestart(Date.now() - status.uptime_ms);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    showStale(error.message);
  } finally {
    setTimeout(() => {
      asking = false;
      if (again) {
        again = false;
        refresh();
      }
    }, PAUSE_MS);
  }
}

/** Another process counts its events from 1 again: a stream that goes on from the last number would lose some. */
function noticeRestart(started) {
  const restarted = started - began > SKEW_MS;
  began = restarted ? started : Math.min(began, started);
  if (restarted) follow();
}

function follow() {
  stream?.close();
  stream = new EventSource("/api/v1/events?heartbeat=true&last_event_id=0");
  stream.addEventListener("open", () => {
    heard = performance.now();
    refresh();
    render();
  });
  stream.addEventListener("error", () => {
    showStale("The connection to the sidecar is lost");
    // The browser tries again by itself unless it was refused, as one too many or without a token.
    if (stream.readyState === EventSource.CLOSED) setTimeout(reconnect, RETRY_MS);
  });
  stream.addEventListener("heartbeat", hear);
  for (const name of Object.values(GROUPS).flat()) {
    stream.addEventListener(name, (event) => {
      addEvent(name, Number(event.lastEventId), JSON.parse(event.data));
      hear();
    });
  }
}

/** First a request: it tells why, and signs in where that is wanted. */
async function reconnect() {
  try {
    await request("GET", "/api/v1/status");
    follow();
  } catch (error) {
    showStale(error.message);
    setTimeout(reconnect, RETRY_MS);
  }
}

function hear() {
  heard = performance.now();
  refresh();
}

function showLive() {
  byId("connection").className = "connection live";
  setText(byId("connection"), "Live");
  byId("main").classList.remove("stale-content");
}

function showStale(reason) {
  byId("connection").className = "connection stale";
  setText(byId("connection"), `${reason}. What you see is from ${moment(fresh)}; trying again …`);
  byId("main").classList.add("stale-content");
  if (byId("verdict").textContent === "Loading …") {
    setText(byId("verdict"), "The sidecar does not answer");
    setText(byId("verdict-detail"), "This page shows its state as soon as it does.");
    byId("summary").className = "summary bad";
  }
}

// A connection can be dead without a word: then the heartbeat is missing.
setInterval(() => {
  if (performance.now() - heard > SILENCE_MS) {
    heard = performance.now();
    showStale("Nothing was heard of the sidecar for a while");
    follow();
  }
}, 1000);

refresh();
follow();
