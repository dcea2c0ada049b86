/**
 * What all views are made of.
 *
 *   <${Page} title="People" action=${html`<a class="button main" href=…>Invite someone</a>`}>…<//>
 *   const people = useLoad(() => call("GET", "/accounts"), [query]);      // { data, etag, next, problem, reload, … }
 *   <${Loaded} from=${people}>${({ data }) => html`…`}<//>                // loading, failed with "Try again", or this
 *   <${Notice} kind="success">Saved.<//>                                 // info, success, warning
 *   <${ProblemNotice} problem=${error} words=${{ "not-found": "…" }} retry=${again} />
 *   <${Dialog} title="Invite someone" close=${close}>…<//>
 *   <${Text} of=${user.name} />   <${Time} at=${user.modified} />   ${size(bytes)}
 *   <${Empty} title="No pictures yet">…<//>   <${Pager} previous=${turnBack} next=${turn} />
 *   <${Menu} label="Actions for Jane">…buttons and links…<//>   announce("3 people found.");
 *
 * `Confirm`, a dialog that asks before something dangerous, is in forms.js. Text of users must go through `Text`, or
 * `clean` where only a string is possible (title, aria-label).
 */
import { html, useEffect, useId, useLayoutEffect, useRef, useState } from "./preact.js";
import { Problem, sentence } from "./http.js";
import { journey } from "./router.js";

// A view

/**
 * A view's frame: one heading, and at most one main action beside it. `narrow`: for a single form. `heading` is shown
 * in place of the title where that is not enough, such as the text of a user.
 */
export function Page({ title, heading: shown, action, narrow, children }) {
  const heading = useRef();
  useEffect(() => {
    document.title = `${title} · Roster`;
  }, [title]);
  useLayoutEffect(() => {
    if (journey.hasMoved) heading.current.focus();
  }, []);
  return html`
    <div class=${narrow ? "page narrow" : "page"}>
      <div class="title">
        <h1 tabindex="-1" ref=${heading}>${shown ?? title}</h1>
        ${action}
      </div>
      ${children}
    </div>
  `;
}

/** A part of a view with a heading of its own. `place` is a ref for the heading, which can take the focus. */
export function Section({ id: given, title, place, children }) {
  const own = useId();
  const id = given ?? own;
  return html`
    <section class="section" aria-labelledby=${id}>
      <h2 id=${id} tabindex="-1" ref=${place}>${title}</h2>
      ${children}
    </section>
  `;
}

/** Say something to screen readers that everybody else sees anyway. While a dialog is open, they hear only what is in it. */
export function announce(text) {
  const place = [...document.querySelectorAll("dialog:modal .announcements")].at(-1) ?? document.getElementById("announcements");
  if (place) place.textContent = place.textContent === text ? `${text}\u00a0` : text;
}

// Loading

/**
 * Load something, and again whenever `causes` change. Returns the response's members, `problem` if it failed, and
 * `isLoading`, `reload` and `replace` (to put in a response that was got in another way). While it loads again, the
 * earlier response stays.
 *
 * @param {() => Promise<object>} load
 * @param {unknown[]} causes
 */
export function useLoad(load, causes = []) {
  const [state, setState] = useState({ isLoading: true, problem: null, response: null });
  const latest = useRef(0);
  const run = async () => {
    const mine = (latest.current += 1);
    setState((before) => ({ ...before, isLoading: true, problem: null }));
    try {
      const response = await load();
      if (mine === latest.current) setState({ isLoading: false, problem: null, response });
    } catch (problem) {
      if (mine === latest.current) setState((before) => ({ ...before, isLoading: false, problem }));
    }
  };
  useEffect(() => {
    run();
    return () => {
      latest.current += 1;
    };
  }, causes);
  const replace = (response) => {
    latest.current += 1;
    setState({ isLoading: false, problem: null, response });
  };
  return { ...state.response, ...state, reload: run, replace };
}

const LATE = "Roster did not respond in time. Try again.";
/** Sentences about what could not be read. */
const READING = { "no-response": LATE, "timeout": LATE };

/** Show what `useLoad` returned: its child is called with it once it is there. */
export function Loaded({ from, what = "Loading…", words, children }) {
  const { problem, reload } = from;
  return html`
    ${problem && html`<${ProblemNotice} problem=${problem} words=${{ ...READING, ...words }} retry=${reload} />`}
    ${from.response ? children(from) : from.isLoading && html`<${Loading}>${what}<//>`}
  `;
}

/** Say that something is going on, if it takes longer than 300 ms. */
export function Loading({ children = "Loading…" }) {
  const isLate = useLate(true);
  return html`<p class="loading" role="status">${isLate ? children : ""}</p>`;
}

/** Whether `isBusy` has been true for 300 ms. */
export function useLate(isBusy) {
  const [isLate, setLate] = useState(false);
  useEffect(() => {
    if (!isBusy) return setLate(false);
    const timer = setTimeout(() => setLate(true), 300);
    return () => clearTimeout(timer);
  }, [isBusy]);
  return isBusy && isLate;
}

// Notices

/** Something to know: "info", "success", "warning" or "problem". It takes the focus if `takesFocus`. */
export function Notice({ kind = "info", title, takesFocus, children }) {
  const place = useRef();
  useEffect(() => {
    if (takesFocus) place.current.focus();
  }, [takesFocus]);
  return html`
    <div class=${`notice ${kind}`} role=${kind === "problem" ? "alert" : "status"} tabindex="-1" ref=${place}>
      ${title && html`<p class="notice-title">${title}</p>`} ${children}
    </div>
  `;
}

/** What cannot be helped by trying again. */
const FINAL = ["not-found", "forbidden"];

/** A failure as a sentence, with what can be done about it. `retry` is called by "Try again", if that may help. */
export function ProblemNotice({ problem, words, retry, children }) {
  const mayHelp = retry && !FINAL.includes(problem.slug);
  return html`
    <${Notice} kind="problem">
      <p>${sentence(problem, words)}</p>
      ${children}
      ${mayHelp && html`<p><${RetryButton} seconds=${problem.retryAfter} retry=${retry} /></p>`}
      <${Details} problem=${problem} />
    <//>
  `;
}

/** "Try again", at the earliest after the seconds that the server has asked for. */
function RetryButton({ seconds = 0, retry }) {
  const [left, setLeft] = useState(Math.min(Math.ceil(seconds), 60));
  useEffect(() => {
    if (left <= 0) return undefined;
    const timer = setTimeout(() => setLeft(left - 1), 1000);
    return () => clearTimeout(timer);
  }, [left]);
  const wait = left > 0;
  const again = ({ currentTarget }) => {
    if (wait) return;
    (currentTarget.closest("dialog") ?? document).querySelector("h1, h2").focus(); // the button is about to go
    retry();
  };
  return html`
    <button type="button" class="button" aria-disabled=${wait} onClick=${again}>
      ${wait ? `Try again in ${left} s` : "Try again"}
    </button>
  `;
}

/** The request id of a failure, which an operator needs to find it in the logs. */
export function Details({ problem }) {
  const [copied, setCopied] = useState(false);
  if (!(problem instanceof Problem) || !problem.requestId) return null;
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(problem.requestId);
      setCopied(true);
    } catch {
      announce("Copying is not possible here. Select the request id.");
    }
  };
  return html`
    <details class="details">
      <summary>Details</summary>
      <p>Quote this request id if you report the problem:</p>
      <p class="row">
        <code>${clean(problem.requestId)}</code>
        <button type="button" class="button small" onClick=${copy}>Copy</button>
        <span role="status">${copied ? "Copied." : ""}</span>
      </p>
    </details>
  `;
}

// Dialogs

/**
 * A dialog over the page. It keeps the focus inside, and returns it to where it was. Escape and "Cancel" call `close`.
 */
export function Dialog({ title, close, children }) {
  const dialog = useRef();
  const id = useId();
  useLayoutEffect(() => {
    const element = dialog.current;
    element.showModal();
    return () => element.close(); // which returns the focus
  }, []);
  const cancel = (event) => {
    event.preventDefault();
    close();
  };
  return html`
    <dialog ref=${dialog} aria-labelledby=${id} onCancel=${cancel}>
      <h2 id=${id} tabindex="-1" autofocus>${title}</h2>
      ${children}
      <div class="announcements visually-hidden" role="status"></div>
    </dialog>
  `;
}

// Text, times, sizes

const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;
/** Marks that change the direction of text, or that nobody sees: but joiners, which some scripts and emoji need. */
export const INVISIBLE = /[\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|\udb40[\udc00-\udc7f]/g;
const MOST = 500;

/** Return the text of a user without what could disguise it: control characters, and marks of direction. */
export function clean(text) {
  return String(text ?? "")
    .replace(CONTROLS, "\ufffd")
    .replace(INVISIBLE, "");
}

/** A key to type into an authenticator app, in groups of four. */
export function Key({ of }) {
  return html`<code class="secret">${of.replace(/(.{4})/g, "$1 ").trim()}</code>`;
}

/** Show the text of a user, kept apart from the text around it. What is too long for its place is cut. */
export function Text({ of, long = false }) {
  const text = clean(of);
  const letters = text.length > MOST && !long ? [...text.slice(0, 2 * MOST)].slice(0, MOST) : null;
  const shown = letters ? `${letters.join("")}…` : text;
  return html`<bdi class=${long ? "text long" : "text"} title=${long ? undefined : text}>${shown}</bdi>`;
}

const EXACT = new Intl.DateTimeFormat("en-GB", { dateStyle: "long", timeStyle: "short" });
const RELATIVE = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const STEPS = [
  ["year", 31_557_600],
  ["month", 2_629_800],
  ["week", 604_800],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];

/** A time as people say it, such as "2 days ago", with the exact one on hover and for screen readers. */
export function Time({ at }) {
  const time = new Date(at);
  const [, again] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => again((count) => count + 1), 60_000);
    return () => clearInterval(timer);
  }, []);
  if (Number.isNaN(time.getTime())) return html`<span>–</span>`;
  const exact = EXACT.format(time);
  return html`
    <time datetime=${time.toISOString()} title=${exact}>
      ${relative(time)}<span class="visually-hidden"> (${exact})</span>
    </time>
  `;
}

function relative(time) {
  const seconds = (time.getTime() - Date.now()) / 1000;
  const [unit, length] = STEPS.find(([, length]) => Math.abs(seconds) >= length) ?? [];
  return unit ? RELATIVE.format(Math.trunc(seconds / length), unit) : "just now";
}

/** Return a number of bytes as people say it, such as "350 KB". */
export function size(bytes) {
  if (bytes < 1000) return `${bytes} bytes`;
  if (bytes < 999_500) return `${Math.round(bytes / 1000)} KB`;
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}

// Lists

/** What is shown in place of an empty list: what will be there, and the action that fills it. */
export function Empty({ title, children }) {
  return html`<div class="empty"><p class="empty-title">${title}</p>${children}</div>`;
}

/** Buttons that turn to the pages beside this one. Without either, there is nothing to show. */
export function Pager({ previous, next, isBusy = false }) {
  if (!previous && !next) return null;
  return html`
    <nav class="pager" aria-label="Pages">
      <${Turn} to=${previous} isBusy=${isBusy}>‹ Previous<//> <${Turn} to=${next} isBusy=${isBusy}>Next ›<//>
    </nav>
  `;
}

function Turn({ to, isBusy, children }) {
  if (!to) return html`<span></span>`;
  return html`
    <button type="button" class="button" aria-disabled=${isBusy} onClick=${() => !isBusy && to()}>${children}</button>
  `;
}

/**
 * A button that opens a list of buttons and links. Escape closes it and returns the focus; so does leaving it.
 * `label` is read by screen readers; `children` of the button are in `face`, which is the label by default.
 */
export function Menu({ label, face, children }) {
  const [isOpen, setOpen] = useState(false);
  const place = useRef();
  const id = useId();
  useEffect(() => {
    if (!isOpen) return undefined;
    const close = ({ target }) => !place.current?.contains(target) && setOpen(false);
    document.addEventListener("pointerdown", close);
    document.addEventListener("focusin", close);
    return () => {
      document.removeEventListener("pointerdown", close);
      document.removeEventListener("focusin", close);
    };
  }, [isOpen]);
  const onKeyDown = (event) => {
    if (event.key !== "Escape" || !isOpen) return;
    event.stopPropagation();
    setOpen(false);
    place.current.querySelector("button").focus();
  };
  return html`
    <div class="menu" ref=${place} onKeyDown=${onKeyDown}>
      <button
        type="button"
        class="button quiet"
        aria-expanded=${isOpen}
        aria-controls=${id}
        aria-label=${face ? label : undefined}
        onClick=${() => setOpen(!isOpen)}
      >
        ${face ?? label} <span aria-hidden="true">▾</span>
      </button>
      <div class="menu-items" id=${id} hidden=${!isOpen} onClick=${() => setOpen(false)}>${children}</div>
    </div>
  `;
}
