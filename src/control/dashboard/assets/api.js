// Asks the sidecar, and signs in where it wants a token.

import { byId, element, setText } from "./dom.js";

/** An answer that is no success, in the words of its problem document. */
export class Refused extends Error {}

/** Sends a request; the JSON of the answer, or null if it has none. */
export async function request(method, path, body) {
  const answer = await send(method, path, body);
  if (answer.status === 401) {
    await signIn();
    return request(method, path, body);
  }
  const told = answer.headers.get("content-type")?.includes("json") ? await answer.json() : null;
  if (!answer.ok) throw new Refused(told?.detail ?? told?.title ?? `${answer.status} ${answer.statusText}`);
  return told;
}

async function send(method, path, body) {
  const headers = body === undefined ? {} : { "content-type": "application/json" };
  try {
    return await fetch(path, {
      method, headers, body: body === undefined ? undefined : JSON.stringify(body), cache: "no-store",
      signal: AbortSignal.timeout(15_000),
    });
  } catch {
    throw new Refused("The sidecar does not answer");
  }
}

let signingIn = null;

/** Asks for the token until it is the right one; all requests that want it wait for the same question. */
function signIn() {
  signingIn ??= new Promise((done) => {
    const [dialog, form] = [byId("sign-in"), byId("sign-in-form")];
    dialog.addEventListener("cancel", (event) => event.preventDefault());
    form.onsubmit = async (event) => {
      event.preventDefault();
      const token = new FormData(form).get("token");
      const answer = await fetch("/api/v1/session", { method: "POST", headers: { authorization: `Bearer ${token}` } }).catch(() => null);
      if (!answer?.ok) {
        setText(byId("sign-in-note"), answer ? "That is not the token. It is in the file that control.token_file names." : "The sidecar does not answer.");
        return;
      }
      form.reset();
      dialog.close();
      signingIn = null;
      done();
    };
    dialog.showModal();
  });
  return signingIn;
}

/** Shows what became of a change, for a while. */
export function tell(text, bad = false) {
  const told = element("p", bad ? { class: "bad" } : {}, text);
  byId("answers").append(told);
  while (byId("answers").children.length > 4) byId("answers").firstChild.remove();
  setTimeout(() => told.remove(), bad ? 15_000 : 7_000);
}

/** Makes a change and tells what became of it; the button waits meanwhile. */
export async function change(button, done, method, path, body) {
  if (button) button.disabled = true;
  try {
    const answer = await request(method, path, body);
    tell(typeof done === "function" ? done(answer) : done);
    return true;
  } catch (error) {
    tell(error.message, true);
    return false;
  } finally {
    if (button) button.disabled = false;
  }
}

/** Asks a person before something is interrupted. */
export function confirmed(question, yes) {
  const dialog = byId("confirm");
  setText(byId("confirm-question"), question);
  setText(byId("confirm-yes"), yes);
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((done) => {
    dialog.addEventListener("close", () => done(dialog.returnValue === "yes"), { once: true });
  });
}
