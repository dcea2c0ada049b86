/**
 * Who is signed in, in all tabs of the browser alike, and requests on their behalf.
 *
 *   const { person } = useSession();                 // in a view: { sub, email, name, isAdmin } or null
 *   const { data } = await call("GET", "/account");   // with the access token
 *   const { data } = await call("GET", "/user/profile", { as: "id" });   // with the ID token: "/" and "/user/profile"
 *
 * The refresh token is in a cookie that no script can read. The other tokens are in this module's memory only. They are
 * refreshed once for all tabs: a tab holds a lock while it refreshes, and gives the new tokens to the others.
 *
 * If the session turns out to be over in the middle of something, `call` waits: a dialog asks the person to sign in
 * again, over the view, which keeps all that was typed. Then the request is sent again. If the person closes the dialog,
 * `call` throws the problem `signed-out`. If somebody else signs in, it throws `other-person`, and all views start anew.
 */
import { useEffect, useState } from "./preact.js";
import { Problem, base, send, settings } from "./http.js";

const NAME = `roster-session ${new URL(base).pathname}`;
/** Refresh this long before the tokens expire, in milliseconds. */
const EARLY = 60_000;
/** How long another tab may take to say which tokens it has, in milliseconds. */
const PATIENCE = 150;

const channel = new BroadcastChannel(NAME);
const listeners = new Set();
/** The requests that wait until the person has signed in again. */
let waiting = [];
/** @type {{access: string, id: string, until: number} | null} */
let tokens = null;
let timer = 0;
let refreshing = null;

/**
 * `status`: "starting", "signed-in", "expired" (the session is over, but the views stay), "signed-out", or "unknown"
 * (the refresh failed because of `problem`). `asks` is true while the person is asked to sign in again. `epoch` changes
 * when everything on the page must start anew, because it belongs to somebody else. `left` says why, after a sign-out.
 */
let state = { status: "starting", person: null, problem: null, asks: false, epoch: 0, left: "" };

function change(changes) {
  state = { ...state, ...changes };
  for (const listener of listeners) listener(state);
}

/** The session, in a component. It renders again when the session changes. */
export function useSession() {
  const [seen, see] = useState(state);
  useEffect(() => {
    see(state);
    listeners.add(see);
    return () => listeners.delete(see);
  }, []);
  return seen;
}

/** Call `listener` with the session whenever it changes. */
export function onSessionChange(listener) {
  listeners.add(listener);
}

/** Return the session as it is now. */
export function current() {
  return state;
}

/** Find out who is signed in. To be called once, when the page starts, and again after the status "unknown". */
export async function start() {
  if (!isRemembered()) return change({ status: "signed-out" });
  change({ status: "starting", problem: null });
  try {
    await refresh();
  } catch (problem) {
    change(problem.isTemporary ? { status: "unknown", problem } : { status: "signed-out" });
  }
}

/**
 * Send a request with the person's token, and return the response. See `send` in http.js.
 *
 * @param {string} method
 * @param {string} path
 * @param {object} options those of `send`, and `as`: "access" (the default) or "id", the token to use
 */
export async function call(method, path, { as = "access", ...options } = {}) {
  const { epoch } = state;
  for (let attempt = 1; ; attempt += 1) {
    const token = await currentToken(as);
    requireSame(epoch);
    try {
      const response = await send(method, path, { ...options, token });
      requireSame(epoch);
      return response;
    } catch (problem) {
      requireSame(epoch);
      if (problem.slug !== "unauthorized" || attempt === 3) throw problem;
      if (tokens?.[as] === token) await refresh();
    }
  }
}

/** Throw the problem `other-person` if the person for whom something began is here no longer. */
function requireSame(epoch) {
  if (state.epoch !== epoch) throw new Problem({ slug: "other-person" });
}

async function currentToken(as) {
  if (["starting", "signed-in"].includes(state.status) && (!tokens || tokens.until - Date.now() < EARLY / 2)) await refresh();
  if (!tokens) await signInAgain();
  return tokens[as];
}

/**
 * Sign in with what `path` takes. Returns the response: tokens (200), which all tabs take over, or a challenge (202).
 *
 * The lock keeps it apart from refreshes and sign-outs, which change the same cookie.
 */
export function signIn(path, json) {
  const { epoch } = state;
  return navigator.locks.request(NAME, async () => {
    requireSame(epoch);
    const response = await send("POST", path, { json: { ...json, cookie: true } });
    if (response.status !== 200) return response;
    if (state.epoch !== epoch) await send("POST", "/sessions/revocation", { json: {} }).catch(() => {});
    requireSame(epoch);
    share(response.data);
    return response;
  });
}

/** Take over tokens from the API, and give them to the other tabs. */
function share(response) {
  const received = {
    access: response.access_token,
    id: response.id_token,
    until: Date.now() + response.expires_in * 1000,
  };
  accept(received);
  channel.postMessage({ tokens: received });
}

/** Sign out here and in all tabs. Throws `Problem` if the session could not be ended: then it goes on. */
export async function signOut() {
  await navigator.locks.request(NAME, () => send("POST", "/sessions/revocation", { json: {} }));
  forget("You are signed out.");
}

/** The server has ended the session. Sign out in all tabs, where the sign-in page says `why`, such as "You are …". */
export function forget(why) {
  leave(why);
  channel.postMessage({ left: why });
}

/** Ask the person to sign in again, and return when they have. Throws the problem `signed-out` if they don't. */
function signInAgain() {
  change({ status: state.person ? "expired" : "signed-out", asks: Boolean(state.person) });
  if (!state.asks) throw new Problem({ slug: "signed-out" });
  return new Promise((resolve, reject) => waiting.push({ resolve, reject }));
}

/** The person does not want to sign in again now. */
export function declineSignIn() {
  change({ asks: false });
  settle(new Problem({ slug: "signed-out" }));
}

/** Note names or an address that have changed, until the next refresh brings them in the ID token. */
export function updatePerson(changes) {
  change({ person: { ...state.person, ...changes } });
}

// Refreshing

/** Get new tokens: from another tab that has newer ones, or from the API. Throws `Problem` if that fails for now. */
export function refresh() {
  const stale = tokens?.access;
  refreshing ??= navigator.locks
    .request(NAME, () => renew(stale))
    .finally(() => {
      refreshing = null;
    });
  return refreshing;
}

async function renew(stale) {
  const isNew = (other) => other.access !== stale && other.until - Date.now() > EARLY;
  if (tokens && isNew(tokens)) return; // another tab has refreshed while this one waited for the lock
  const { epoch, person } = state;
  const before = tokens;
  const isOver = () => state.epoch !== epoch || tokens !== before; // another tab has signed in or out meanwhile
  const others = await askOtherTabs(isNew);
  if (isOver()) return;
  if (others) return accept(others);
  try {
    const { data } = await send("POST", "/sessions/refresh", { json: {} });
    if (isOver()) return;
    if (person && readPerson(data.id_token).sub !== person.sub) forget(OTHER_PERSON);
    else share(data);
  } catch (problem) {
    // 403: another host of the domain has set a second cookie. Signing in helps until the next refresh.
    if (![401, 403].includes(problem.status)) throw problem;
    if (isOver()) return;
    tokens = null;
    clearTimeout(timer);
    if (!person && problem.status === 401) remember(false);
    change({ status: person ? "expired" : "signed-out" });
  }
}

const OTHER_PERSON = "Somebody else has signed in with this browser. Sign in again.";

/** Return tokens of another tab that are new, or null. */
function askOtherTabs(isNew) {
  return new Promise((resolve) => {
    const end = (found) => {
      clearTimeout(late);
      channel.removeEventListener("message", listen);
      resolve(found);
    };
    const late = setTimeout(() => end(null), PATIENCE);
    const listen = ({ data }) => {
      const found = data.answer ?? data.tokens;
      if (found && isNew(found)) end(found);
    };
    channel.addEventListener("message", listen);
    channel.postMessage({ ask: true });
  });
}

channel.addEventListener("message", ({ data }) => {
  // Only who asks takes an answer: a tab that was busy may give it when the session is over already.
  if (data.ask && tokens && tokens.until > Date.now()) channel.postMessage({ answer: tokens });
  if (data.left) leave(data.left);
  if (data.tokens && (!tokens || data.tokens.until > tokens.until)) accept(data.tokens);
});

/** A page that the browser has kept, and shows again, has heard nothing from the other tabs. */
addEventListener("pageshow", ({ persisted }) => {
  if (!persisted || !state.person) return;
  if (isRemembered()) refresh().catch(() => {});
  else leave("You are signed out.");
});

/** A hidden tab does not refresh: it may stay open for weeks. It does when somebody looks at it again. */
function refreshInTime() {
  clearTimeout(timer);
  if (!tokens || document.hidden) return;
  const milliseconds = tokens.until - EARLY - Date.now();
  if (milliseconds > 0) timer = setTimeout(refreshInTime, milliseconds);
  else refresh().catch(() => (timer = setTimeout(refreshInTime, EARLY / 4)));
}

document.addEventListener("visibilitychange", refreshInTime);
addEventListener("online", refreshInTime);

// What is kept

function accept(received) {
  const person = readPerson(received.id);
  const isOther = Boolean(state.person) && state.person.sub !== person.sub;
  tokens = received;
  remember(true);
  change({
    status: "signed-in",
    person,
    problem: null,
    asks: false,
    left: "",
    epoch: isOther ? state.epoch + 1 : state.epoch,
  });
  settle(isOther ? new Problem({ slug: "other-person" }) : null);
  refreshInTime();
}

function leave(why) {
  tokens = null;
  clearTimeout(timer);
  remember(false);
  change({ status: "signed-out", person: null, asks: false, left: why, epoch: state.epoch + 1 });
  settle(new Problem({ slug: "signed-out" }));
}

/** Let the waiting requests go on, or fail with `problem`. */
function settle(problem) {
  const settled = waiting;
  waiting = [];
  for (const { resolve, reject } of settled) problem ? reject(problem) : resolve();
}

/** Return who the ID token is for. An ID token is made for the client to read; only the API must verify it. */
function readPerson(token) {
  const bytes = Uint8Array.from(atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/")), (letter) =>
    letter.charCodeAt(0),
  );
  const claims = JSON.parse(new TextDecoder().decode(bytes));
  return {
    sub: claims.sub,
    email: claims.email ?? "",
    name: claims.name ?? "",
    isAdmin: (claims["cognito:groups"] ?? []).includes(settings.admin_group),
  };
}

/**
 * Remember that there is a session, which only the cookie knows, and only the server can read. Without this, everybody
 * who opens the page for the first time would have to wait for a refresh that fails.
 */
function remember(isSignedIn) {
  try {
    if (isSignedIn) localStorage.setItem(NAME, "signed in");
    else localStorage.removeItem(NAME);
  } catch {
    // Storage is off.
  }
}

function isRemembered() {
  try {
    return localStorage.getItem(NAME) !== null;
  } catch {
    return true;
  }
}
