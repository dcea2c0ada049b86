/**
 * All accounts: search, one page at a time, and the dialog that invites somebody.
 *
 * Everything is in the address: the search, the page ("cursor") and whether the dialog is open. The API knows only the
 * next page, so the cursors of the earlier ones are kept in `history.state`, as `trail`.
 */
import { html, useEffect, useRef, useState } from "./preact.js";
import { Problem } from "./http.js";
import {
  Empty,
  Loading,
  Notice,
  Page,
  Pager,
  ProblemNotice,
  Text,
  Time,
  announce,
  useLate,
  useLoad,
} from "./components.js";
import { InviteDialog } from "./invite.js";
import { link, navigate } from "./router.js";
import { call, current } from "./session.js";

const PATH = "/people";
const LIMIT = 25;
/** The API may return pages without anybody although others follow: so many of them are skipped. */
const MOST_SKIPPED = 5;

const SEARCHES = { email: "E-mail address", name: "Name", status: "Status", group: "Group" };
const STATUSES = {
  "confirmed": "Confirmed",
  "invited": "Invited",
  "unconfirmed": "Not confirmed",
  "reset-required": "Must set a new password",
};

/** The list as it was last seen, and by whom, for the way back from a person. */
const visited = { address: "", epoch: -1 };

/** Return the address of the list as it was last seen. */
export function addressOfList() {
  return visited.epoch === current().epoch ? visited.address : link(PATH);
}

/** Whether somebody can sign in, in words. */
export function Status({ of: { status, enabled } }) {
  return html`
    ${!enabled && html`<span class="badge bad">Disabled</span> `}
    <span class="badge"><${Text} of=${STATUSES[status] ?? status} /></span>
  `;
}

export default function PeoplePage({ query }) {
  const [by, value] = searchOf(query);
  const cursor = query.get("cursor") ?? "";
  const [invited, setInvited] = useState(null);
  const list = useLoad(() => load(by, value, cursor), [by, value, cursor]);
  const results = useRef();
  const turned = useRef(false);
  const isLate = useLate(list.isLoading);
  const search = by ? { [by]: value } : {};
  Object.assign(visited, { address: link(PATH, { ...search, cursor }), epoch: current().epoch });

  useEffect(() => {
    if (list.isLoading || list.problem) return;
    announce(found(list.data.length, Boolean(list.next)));
    if (turned.current) results.current.focus();
    turned.current = false;
  }, [list.response]);

  const isInviting = query.has("invite");
  useEffect(() => {
    if (invited && !isInviting) announce("An invitation has been mailed.");
  }, [invited, isInviting]);

  const trail = history.state?.trail ?? [];
  const turn = (to, nextTrail) => {
    turned.current = true;
    navigate(PATH, { ...search, cursor: to }, { state: { trail: nextTrail } });
  };
  const next = new URLSearchParams(list.next ?? "").get("cursor");
  const turnOn = next && (() => turn(next, [...trail, cursor]));
  const turnBack = cursor && (() => turn(trail.at(-1) ?? "", trail.slice(0, -1)));

  const openDialog = () => {
    setInvited(null);
    navigate(PATH, { ...search, cursor, invite: "yes" }, { state: { trail, isOpened: true } });
  };
  const closeDialog = () => {
    if (history.state?.isOpened) history.back();
    else navigate(PATH, { ...search, cursor }, { replace: true, state: { trail } });
  };
  const onInvited = (account, isNew) => {
    setInvited({ account, isNew });
    closeDialog();
    list.reload();
  };

  const invite = html`<button type="button" class="button main" onClick=${openDialog}>Invite someone</button>`;
  return html`
    <${Page} title="People" action=${invite}>
      ${invited && html`<${Invited} ...${invited} />`}
      <${SearchForm} key=${`${by}=${value}`} by=${by || "email"} value=${value} />
      <div
        ref=${results}
        class="stack results"
        tabindex="-1"
        role="region"
        aria-label="Results"
        aria-busy=${list.isLoading}
      >
        ${list.problem
          ? html`<${ProblemNotice} problem=${list.problem} words=${wordsFor(list.problem)} retry=${list.reload}>
              <p><a href=${link(PATH)}>Show all people</a></p>
            <//>`
          : list.response
            ? html`
                <p class="loading-over" role="status">${isLate ? "Loading…" : ""}</p>
                <${Results} people=${list.data} ...${{ by, value, hasMore: Boolean(next) }} />
                <${Pager} previous=${turnBack} next=${turnOn} isBusy=${list.isLoading} />
              `
            : html`<${Loading} />`}
      </div>
      ${isInviting && html`<${InviteDialog} close=${closeDialog} done=${onInvited} />`}
    <//>
  `;
}

function searchOf(query) {
  const by = Object.keys(SEARCHES).find((name) => query.get(name)) ?? "";
  return [by, by ? query.get(by) : ""];
}

async function load(by, value, cursor) {
  let at = cursor;
  for (let skipped = 0; ; skipped += 1) {
    const query = new URLSearchParams({ limit: LIMIT, ...(by && { [by]: value }), ...(at && { cursor: at }) });
    const response = await call("GET", `/accounts?${query}`);
    if (response.data.length || !response.next || skipped === MOST_SKIPPED) return response;
    at = new URLSearchParams(response.next).get("cursor");
  }
}

function found(count, hasMore) {
  const people = count === 1 ? "1 person" : `${count} people`;
  return hasMore ? `${people} on this page. More follow.` : `${people} found.`;
}

function wordsFor(problem) {
  const isCursor = problem instanceof Problem && problem.errors.some(({ pointer }) => pointer === "/cursor");
  return {
    "forbidden": "You are no longer an administrator, so you may not see this page.",
    "invalid-request": isCursor
      ? "This page of the list has expired. Start again with the first one."
      : "This can’t be searched for. Enter something shorter, without unusual characters.",
  };
}

// Searching

function SearchForm({ by: first, value }) {
  const [by, setBy] = useState(first);
  const form = useRef();
  const onSubmit = (event) => {
    event.preventDefault();
    const text = form.current.elements.value.value.trim();
    navigate(PATH, text ? { [by]: text } : {});
  };
  const given = by === first ? value : "";
  return html`
    <form role="search" class="toolbar wide" ref=${form} onSubmit=${onSubmit}>
      <div class="field">
        <label for="search-by">Search by</label>
        <select id="search-by" value=${by} onChange=${(event) => setBy(event.target.value)}>
          ${Object.entries(SEARCHES).map(([name, label]) => html`<option key=${name} value=${name}>${label}</option>`)}
        </select>
      </div>
      <div class="field grows" key=${by}>
        ${by === "group"
          ? html`<${GroupField} value=${given} />`
          : by === "status"
            ? html`
                <label for="search-value">Status</label>
                <select id="search-value" name="value" defaultValue=${given}>
                  ${Object.entries(STATUSES).map(
                    ([name, label]) =>
                      html`<option key=${name} value=${name} selected=${name === given}>${label}</option>`,
                  )}
                </select>
              `
            : html`
                <label for="search-value">${by === "email" ? "E-mail address starts with" : "Name starts with"}</label>
                <input
                  id="search-value"
                  name="value"
                  type="search"
                  maxlength="200"
                  autocomplete="off"
                  autocapitalize="none"
                  spellcheck=${false}
                  defaultValue=${given}
                />
              `}
      </div>
      <div class="row">
        <button class="button">Search</button>
        ${value && html`<a class="button quiet" href=${link(PATH)}>Show all</a>`}
      </div>
    </form>
  `;
}

function GroupField({ value }) {
  const groups = useLoad(() => call("GET", "/groups"));
  const names = groups.data?.groups.map(({ group }) => group) ?? [];
  if (value && !names.includes(value)) names.unshift(value);
  return html`
    <label for="search-value">Group</label>
    <select id="search-value" name="value" key=${names.length}>
      ${names.map((name) => html`<option key=${name} value=${name} selected=${name === value}>${name}</option>`)}
    </select>
    ${groups.problem && html`<p class="fault" role="alert">The groups could not be loaded.</p>`}
  `;
}

// The list

function Results({ people, by, value, hasMore }) {
  if (people.length) return html`<${Table} people=${people} />`;
  if (hasMore) return html`<p>Nobody is on this page, but more pages follow.</p>`;
  if (!by) return html`<${Empty} title="Nobody is here"><p>People whom you invite will be here.</p><//>`;
  return html`
    <${Empty} title="Nobody found">
      <p>
        ${by === "status" || by === "group" ? "Nobody has this " : "Nobody has this beginning of the "}
        ${SEARCHES[by].toLowerCase()}: <${Text} of=${STATUSES[value] && by === "status" ? STATUSES[value] : value} />
        ${by === "name" && ". Capital letters may matter."}
      </p>
      <p><a href=${link(PATH)}>Show all people</a></p>
    <//>
  `;
}

function Table({ people }) {
  return html`
    <table class="cards">
      <caption class="visually-hidden">People</caption>
      <thead>
        <tr>
          <th scope="col">Name</th>
          <th scope="col">E-mail</th>
          <th scope="col">Status</th>
          <th scope="col">Last change</th>
        </tr>
      </thead>
      <tbody>
        ${people.map(
          (person) => html`
            <tr key=${person.userid}>
              <td data-label="Name">
                <a href=${link(`${PATH}/${encodeURIComponent(person.userid)}`)}>
                  ${person.name?.trim() ? html`<${Text} of=${person.name} />` : "No name"}
                </a>
              </td>
              <td data-label="E-mail"><${Text} of=${person.email} /></td>
              <td data-label="Status"><${Status} of=${person} /></td>
              <td data-label="Last change"><${Time} at=${person.modified} /></td>
            </tr>
          `,
        )}
      </tbody>
    </table>
  `;
}

function Invited({ account, isNew }) {
  return html`
    <${Notice} kind="success">
      <p>
        ${isNew ? "An" : "This person was invited before. A new"} invitation has been mailed to${" "}
        <${Text} of=${account.email} />. It is valid for 7 days.${" "}
        <a href=${link(`${PATH}/${encodeURIComponent(account.userid)}`)}>Open the account</a>
      </p>
    <//>
  `;
}
