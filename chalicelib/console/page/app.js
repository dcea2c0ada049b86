/** The frame around all views: the bar at the top, what the person may see here, and the dialog to sign in again. */
import { html, render, useEffect, useErrorBoundary, useState } from "./preact.js";
import { base } from "./http.js";
import { Dialog, Loading, Menu, Notice, Page, ProblemNotice, Text, useLate } from "./components.js";
import { decide, link, navigate, sectionsFor, useLocation } from "./router.js";
import { declineSignIn, signOut, start, useSession } from "./session.js";
import { SignInSteps, StepInDialog } from "./sign-in.js";

function App() {
  const session = useSession();
  const here = useLocation();
  const [leaving, setLeaving] = useState(STAYING);
  const isLeavingLong = useLate(leaving.isBusy);
  const isOnline = useOnline();
  useEffect(() => setLeaving(STAYING), [session.epoch, session.status]);
  const leave = async () => {
    setLeaving({ isBusy: true, problem: null });
    try {
      await signOut();
    } catch (problem) {
      setLeaving({ isBusy: false, problem });
    }
  };
  const notLeft =
    leaving.problem && html`<${ProblemNotice} problem=${leaving.problem} retry=${leave}><p>You are still signed in.</p><//>`;
  return html`
    <a class="skip" href="#main" onClick=${skip}>Skip to content</a>
    <${Bar} session=${session} here=${here} leave=${leave} />
    <main id="main" tabindex="-1">
      ${!isOnline && html`<${Notice} kind="warning">You are offline. What you type stays here.<//>`}
      ${isLeavingLong && html`<${Notice}>Signing out…<//>`} ${!session.asks && notLeft}
      ${here.say && html`<${Notice} key=${here.key} kind=${here.kind}>${here.say}<//>`}
      <${Content} key=${session.epoch} session=${session} here=${here} />
    </main>
    <div id="announcements" class="visually-hidden" role="status"></div>
    ${session.asks &&
    html`
      <${Dialog} title="Sign in again" close=${declineSignIn}>
        <p>Your session has ended. Sign in to go on where you are. What you have typed is still here.</p>
        ${notLeft}
        <${SignInSteps} frame=${StepInDialog} email=${session.person.email} />
        <p class="row">
          <button type="button" class="button quiet" onClick=${declineSignIn}>Not now</button>
          <button type="button" class="button quiet" onClick=${leave}>Sign in as somebody else</button>
        </p>
      <//>
    `}
  `;
}

const STAYING = { isBusy: false, problem: null };

function skip(event) {
  event.preventDefault();
  document.getElementById("main").focus();
}

function useOnline() {
  const [isOnline, setOnline] = useState(navigator.onLine);
  useEffect(() => {
    const look = () => setOnline(navigator.onLine);
    addEventListener("online", look);
    addEventListener("offline", look);
    return () => {
      removeEventListener("online", look);
      removeEventListener("offline", look);
    };
  }, []);
  return isOnline;
}

function Bar({ session, here, leave }) {
  const { person } = session;
  const isAt = (path) => here.path === path || here.path.startsWith(`${path}/`);
  return html`
    <header class="bar">
      <div class="bar-inner">
        <a class="product" href="#/">Roster</a>
        <nav aria-label="Sections">
          <ul>
            ${sectionsFor(person).map(
              ({ name, path }) =>
                html`<li key=${path}><a href=${link(path)} aria-current=${isAt(path) ? "page" : undefined}>${name}</a></li>`,
            )}
            <li><a href=${`${base}openapi.json`}>API</a></li>
          </ul>
        </nav>
        ${person &&
        html`
          <${Menu} label="Your account" face=${html`<span class="person"><${Text} of=${person.name || person.email} /></span>`}>
            <a href=${link("/account")}>Account</a>
            <a href=${link("/record")}>Your record</a>
            <a href=${link("/profile")}>Your profile</a>
            <button type="button" onClick=${leave}>Sign out</button>
          <//>
        `}
        ${session.status === "signed-out" &&
        here.view?.who !== "signed-out" &&
        html`<a class="button quiet" href=${link("/sign-in", { next: here.address })}>Sign in</a>`}
      </div>
    </header>
  `;
}

/** The view for this address, or why there is none. */
function Content({ session, here }) {
  const isOpen = here.view?.who === "anyone";
  const isKnown = isOpen || !["starting", "unknown"].includes(session.status);
  const decision = isKnown && decide(here, session);
  const target = decision?.path ? link(decision.path, decision.query) : "";
  const say = decision?.say || (here.path === "/" ? here.say : "");
  useEffect(() => {
    if (target) navigate(decision.path, decision.query, { replace: true, say });
  }, [target]);
  if (session.status === "unknown" && !isOpen) {
    return html`
      <${Page} narrow title="Roster is not available"><${ProblemNotice} problem=${session.problem} retry=${start} /><//>
    `;
  }
  if (!isKnown || target) return html`<${Loading} />`;
  if (decision === "refused") {
    return html`
      <${Page} narrow title="For administrators only">
        <p>Your account may not see this page. If it should, ask an administrator to add you to their group.</p>
        <p><a href="#/">Go to the first page</a></p>
      <//>
    `;
  }
  if (decision === "unknown") {
    return html`
      <${Page} narrow title="There is no such page">
        <p>Check the address. What it showed may have been moved or deleted.</p>
        <p><a href="#/">Go to the first page</a></p>
      <//>
    `;
  }
  return html`<${View} key=${here.key} here=${here} />`;
}

const loaded = new Map();

/** Load the module of a view, and show it. */
function View({ here }) {
  const { view, params, query } = here;
  const [Component, setComponent] = useState(() => loaded.get(view));
  const [isMissing, setMissing] = useState(false);
  const [error, recover] = useErrorBoundary((caught) => console.error(caught));
  const load = async () => {
    setMissing(false);
    try {
      loaded.set(view, (await view.load()).default);
      setComponent(() => loaded.get(view));
    } catch (caught) {
      console.error(caught);
      setMissing(true);
    }
  };
  useEffect(() => {
    if (!Component) load();
  }, []);
  if (isMissing || error) {
    const why = isMissing
      ? "This part of the page could not be loaded. You may be offline, or Roster has been updated meanwhile."
      : "Something went wrong on this page.";
    return html`
      <${Page} narrow title="This page can’t be shown">
        <p>${why}</p>
        <p class="row">
          <button type="button" class="button" onClick=${isMissing ? load : recover}>Try again</button>
          <button type="button" class="button" onClick=${() => location.reload()}>Reload the page</button>
        </p>
      <//>
    `;
  }
  return Component ? html`<${Component} params=${params} query=${query} />` : html`<${Loading} />`;
}

const root = document.getElementById("app");
root.replaceChildren();
render(html`<${App} />`, root);
start();
