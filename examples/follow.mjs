// Follows what a sidecar does, by server-sent events: a line for each event; comes back by itself, and misses nothing.
//
// `node examples/follow.mjs 127.0.0.1:8765` (Node 20 or later, without any package); with a number behind the address it
// ends after so many events. In a page, `new EventSource("/api/v1/events")` does all of this.

const [address = "127.0.0.1:8765", count = Infinity] = process.argv.slice(2);
const SILENCE_MS = 40_000; // A comment comes every 15 s: whoever is silent for longer is gone.
let left = Number(count);
let last = 0; // Everything that is kept is replayed.

async function follow() {
  const abort = new AbortController();
  const response = await fetch(`http://${address}/api/v1/events?last_event_id=${last}`, { signal: abort.signal });
  if (!response.ok) throw new Error(await response.text());
  let [text, timer] = ["", null];
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    clearTimeout(timer);
    timer = setTimeout(() => abort.abort(), SILENCE_MS);
    const frames = (text + chunk).split("\n\n");
    text = frames.pop();
    for (const frame of frames) {
      const field = (name) => frame.match(new RegExp(`^${name}: (.*)$`, "m"))?.[1];
      if (!field("id")) continue;
      last = field("id");
      console.log(last, field("event"), field("data"));
      if (--left <= 0) process.exit();
    }
  }
}

while (true) {
  await follow().catch((error) => console.error(`${address}: ${error.message}`));
  await new Promise((resolve) => setTimeout(resolve, 1000));
}
