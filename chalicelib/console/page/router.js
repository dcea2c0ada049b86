/**
 * The views and their addresses. Each view is a module with a component as its default export.
 *
 * To add a view, add a line to `VIEWS`. The component gets `params` (the parts of the path that stand in braces) and
 * `query` (URLSearchParams). It renders a `Page` (components.js), which sets the document's title and takes the focus
 * when somebody arrives.
 *
 *   who       "anyone", "signed-out" (everybody else is sent on), "signed-in" or "admins"
 *   section   its name in the bar at the top, if it belongs there
 *   needs     a setting without which the view does not exist, such as "bucket" for pictures
 *
 * Link with <a href=${link("/people", { email: "ada" })}>. `navigate` is for what no click has asked for, such as after
 * something was deleted. A change of the query keeps the component; a change of the path makes a new one.
 */
import { useEffect, useState } from "./preact.js";
import { settings } from "./http.js";

const VIEWS = [
  { path: "/sign-in", who: "signed-out", load: () => import("./sign-in.js") },
  { path: "/sign-up", who: "signed-out", load: () => import("./sign-up.js") },
  { path: "/confirm", who: "anyone", load: () => import("./confirm.js") },
  { path: "/forgotten-password", who: "anyone", load: () => import("./forgotten-password.js") },
  { path: "/reset-password", who: "anyone", load: () => import("./reset-password.js") },
  { path: "/account", who: "signed-in", load: () => import("./account.js") },
  { path: "/pictures", who: "signed-in", section: "Pictures", needs: "bucket", load: () => import("./pictures.js") },
  {
    path: "/public",
    who: "anyone",
    section: "Public pictures",
    needs: "bucket",
    load: () => import("./public-pictures.js"),
  },
  { path: "/record", who: "signed-in", load: () => import("./record.js") },
  { path: "/profile", who: "signed-in", load: () => import("./profile.js") },
  { path: "/people", who: "admins", section: "People", load: () => import("./people.js") },
  { path: "/people/{userid}", who: "admins", load: () => import("./person.js") },
];

/** Where the product's name leads, and where people get after signing in. */
const HOME = "/account";

const SIGN_IN = "/sign-in";

const PATTERNS = new Map(
  VIEWS.map((view) => [view, new RegExp(`^${view.path.replace(/\{(\w+)\}/g, "(?<$1>[^/]+)")}$`)]),
);

/** Return the address of a view on this page, such as "#/people?email=ada". Parts of `path` must be encoded. */
export function link(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const text = new URLSearchParams(given).toString();
  return `#${path}${text ? `?${text}` : ""}`;
}

/**
 * Go to a view. `replace`: the view that is left does not stay in the browser's history. `say`: what has just been
 * done, such as "The account was deleted.", which the next view shows, as a notice of this `kind`. `state` is kept as `history.state`: what the view
 * wants to know there after a reload, too.
 */
export function navigate(path, query = {}, { replace = false, say = "", kind = "success", state = null } = {}) {
  said = { say, kind };
  const address = link(path, query);
  if (replace) history.replaceState(state, "", address);
  else history.pushState(state, "", address);
  arrive();
}

/** Return the sections for the bar at the top: those that this person may use. */
export function sectionsFor(person) {
  return VIEWS.filter((view) => view.section && exists(view) && isFor(view, person)).map((view) => ({
    name: view.section,
    path: view.path,
  }));
}

/** The address where the person is: { path, query, key, view, params, say, kind }. `view` is null if there is none. */
export function useLocation() {
  const [here, see] = useState(found);
  useEffect(() => {
    see(found);
    listeners.add(see);
    return () => listeners.delete(see);
  }, []);
  return here;
}

/**
 * Return what this person gets to see here: "view", "refused", "unknown", or where they are to be sent:
 * { path, query, say }.
 */
export function decide(here, session) {
  const { view } = here;
  if (!view) return here.path === "/" ? { path: session.person ? HOME : SIGN_IN, query: {} } : "unknown";
  if (view.who === "signed-out" && session.person) return afterSignIn(here.query.get("next"));
  if (["anyone", "signed-out"].includes(view.who)) return "view";
  if (!session.person) return { path: SIGN_IN, query: session.left ? {} : { next: here.address }, say: session.left };
  return isFor(view, session.person) ? "view" : "refused";
}

/** Return where a person gets after signing in: `next` if it is the address of a view of this page. */
function afterSignIn(next) {
  const there = next ? find(next) : null;
  if (!there?.view || there.view.who === "signed-out") return { path: HOME, query: {} };
  return { path: there.path, query: Object.fromEntries(there.query) };
}

/**
 * Whether the person has done anything on this page: then the heading of the next view takes the focus. At the first
 * one, browsers begin to read at the top.
 */
export const journey = { hasMoved: false };

for (const kind of ["click", "submit", "hashchange", "popstate"]) {
  addEventListener(kind, () => (journey.hasMoved = true), { capture: true, once: true });
}

const listeners = new Set();
const SILENT = { say: "", kind: "success" };
let said = SILENT;
let found = { ...find(location.hash.slice(1)), ...SILENT };

function arrive() {
  found = { ...find(location.hash.slice(1)), ...said };
  said = SILENT;
  for (const listener of listeners) listener(found);
}

addEventListener("hashchange", arrive);
addEventListener("popstate", arrive);

function find(address) {
  const [path, search] = split(address.startsWith("/") ? address : "/");
  for (const [view, pattern] of PATTERNS) {
    const match = exists(view) && pattern.exec(path);
    if (match) return { address, path, query: search, key: path, view, params: decoded(match.groups ?? {}) };
  }
  return { address, path, query: search, key: path, view: null, params: {} };
}

function split(address) {
  const at = address.indexOf("?");
  return at < 0 ? [address, new URLSearchParams()] : [address.slice(0, at), new URLSearchParams(address.slice(at))];
}

function decoded(groups) {
  return Object.fromEntries(Object.entries(groups).map(([name, text]) => [name, decode(text)]));
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function exists(view) {
  return !view.needs || Boolean(settings[view.needs]);
}

function isFor(view, person) {
  if (view.who === "admins") return Boolean(person?.isAdmin);
  return view.who === "signed-in" ? Boolean(person) : view.who !== "signed-out" || !person;
}
