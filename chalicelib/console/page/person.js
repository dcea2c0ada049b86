/** One person, for administrators: the account, what helps its owner, the record, and deleting all of it. */
import { html, useEffect, useRef, useState } from "./preact.js";
import { Loaded, Notice, Page, Section, Text, Time, announce, clean, useLoad } from "./components.js";
import { EraseDialog } from "./erasure.js";
import { Confirm, Field, FieldFrame, Form, connected, useField } from "./forms.js";
import { settings } from "./http.js";
import { NamesForm } from "./names.js";
import { PersonJson } from "./person-json.js";
import { Status, addressOfList } from "./people.js";
import { link, navigate } from "./router.js";
import { call, forget, updatePerson, useSession } from "./session.js";

const WORDS = {
  "not-found": "This account does not exist any more.",
  "forbidden": "You are no longer an administrator, so you may not do this.",
  "last-admin": "At least one administrator must remain. Make somebody else an administrator first, then try again.",
};

export default function PersonPage({ params }) {
  const path = `/accounts/${encodeURIComponent(params.userid)}`;
  const account = useLoad(() => call("GET", path), [path]);
  const name = account.data ? nameOf(account.data) : "";
  const heading = name ? html`<${Text} of=${name} />` : undefined;
  return html`
    <${Page} title=${name ? clean(name).slice(0, 100) : "Person"} heading=${heading}>
      <p><a href=${addressOfList()}>‹ All people</a></p>
      <${Loaded} from=${account} words=${WORDS}>
        ${({ data, replace, reload }) => html`<${Person} ...${{ path, account: data, replace, reload }} />`}
      <//>
    <//>
  `;
}

/**
 * @param {{account: object, path: string, replace: Function, reload: Function}} props `replace` takes the response to a
 *   change, which has the account as it is now; `reload` gets it, where the response has not
 */
function Person(props) {
  const { account } = props;
  const isOwn = useSession().person?.sub === account.userid;
  const shared = { ...props, isOwn };
  return html`
    ${isOwn &&
    html`<${Notice}>
      This is your own account. Its e-mail address, password and two-step sign-in are on
      <a href=${link("/account")}>your account page</a>.
    <//>`}
    <${Facts} account=${account} />
    <${Names} ...${shared} />
    ${!isOwn && html`<${Email} ...${shared} />`}
    <${Groups} ...${shared} />
    <${Help} ...${shared} />
    <${PersonJson} ...${shared} />
    <${Delete} ...${shared} />
  `;
}

function Facts({ account }) {
  return html`
    <dl class="facts">
      <dt>E-mail address</dt>
      <dd>
        <${Text} of=${account.email} long />
        ${!account.email_verified && html` <span class="muted">not confirmed</span>`}
      </dd>
      <dt>Status</dt>
      <dd><${Status} of=${account} /></dd>
      <dt>Two-step sign-in</dt>
      <dd>${account.totp ? "On" : "Off"}</dd>
      <dt>Created</dt>
      <dd><${Time} at=${account.created} /></dd>
      <dt>Last change</dt>
      <dd><${Time} at=${account.modified} /></dd>
      <dt>User ID</dt>
      <dd><code><${Text} of=${account.userid} /></code></dd>
    </dl>
  `;
}

// Names and the address

function Names({ path, account, replace, isOwn }) {
  const saved = (response) => {
    replace(response);
    if (isOwn) updatePerson({ name: response.data.name });
  };
  return html`
    <${Section} title="Names">
      <${NamesForm} path=${path} account=${account} isOthers words=${WORDS} saved=${saved} />
    <//>
  `;
}

function Email({ path, account, replace }) {
  const save = async ({ email }) => {
    replace(await call("PATCH", path, { json: { email } }));
    return "Saved.";
  };
  return html`
    <${Section} title="E-mail address">
      <${Form} button="Save address" busy="Saving…" submit=${save} words=${WORDS}>
        <${Field}
          name="email"
          label="E-mail address"
          whose="an"
          hint="It counts as confirmed at once, and can be used to reset the password. Make sure that it is theirs."
          type="email"
          autocomplete="off"
          maxlength="128"
          value=${clean(account.email)}
        />
      <//>
    <//>
  `;
}

// Groups

function Groups({ path, account, reload, isOwn }) {
  const groups = useLoad(() => call("GET", "/groups"));
  const [asks, setAsks] = useState("");
  const { heading, done, say } = useDone(asks);
  const add = async ({ group }) => {
    await call("PUT", `${path}/groups/${encodeURIComponent(group)}`);
    await reload();
    say(`Added to ${clean(group)}.`);
  };
  const remove = async () => {
    await call("DELETE", `${path}/groups/${encodeURIComponent(asks)}`);
    if (isOwn) return forget("You have left the group, and are signed out.");
    await reload();
    return say(`Removed from ${clean(asks)}.`);
  };
  const others = (groups.data?.groups ?? []).filter(({ group }) => !account.groups.includes(group));
  return html`
    <${Section} title="Groups" place=${heading}>
      ${account.groups.length
        ? html`<ul class="plain">
            ${account.groups.map(
              (group) => html`<${Membership} key=${group} group=${group} leave=${() => setAsks(group)} />`,
            )}
          </ul>`
        : html`<p class="muted">In no group.</p>`}
      <p class="done">${done}</p>
      <${Loaded} from=${groups} words=${WORDS}>
        ${() =>
          others.length > 0 &&
          html`
            <${Form} button="Add to group" busy="Adding…" submit=${add} words=${WORDS}>
              <${Choice} groups=${others} />
            <//>
          `}
      <//>
      ${asks &&
      html`
        <${Confirm}
          title="Remove from the group?"
          button="Remove"
          busy="Removing…"
          words=${WORDS}
          confirm=${remove}
          close=${() => setAsks("")}
        >
          <p>
            <${Text} of=${nameOf(account)} /> leaves the group <${Text} of=${asks} />, and is signed out everywhere.
          </p>
          ${isOwn && asks === settings.admin_group && html`<p>You will no longer be an administrator.</p>`}
        <//>
      `}
    <//>
  `;
}

function Membership({ group, leave }) {
  return html`
    <li class="row">
      <${Text} of=${group} />
      ${group === settings.admin_group && html`<span class="badge">Administrators</span>`}
      <button type="button" class="button small" aria-label=${`Remove from ${clean(group)}`} onClick=${leave}>
        Remove
      </button>
    </li>
  `;
}

function Choice({ groups }) {
  const select = useRef();
  const { id, fault } = useField("group", { read: () => select.current.value, focus: () => select.current.focus() });
  return html`
    <${FieldFrame} ...${{ id, label: "Group", fault }}>
      <select ref=${select} ...${connected({ id, fault })}>
        ${groups.map(({ group }) => html`<option key=${group} value=${group}>${clean(group)}</option>`)}
      </select>
    <//>
  `;
}

// What helps, and what stops somebody

/** Why a password cannot be reset, by status. For people who were invited, there is "Invite again". */
const NO_RESET = {
  invited: "",
  unconfirmed: "The address is not confirmed yet. Its owner can sign up again for a new code.",
};

/**
 * What can be done to an account: `button`, and `text` beside it. `consequence` is what the dialog says. Without `run`,
 * it cannot be done now. `ends` is true if it ends the sessions, and `mails` if it sends an e-mail.
 */
function actionsFor({ path, account, isOwn }) {
  const { enabled, status, email, name, totp } = account;
  const who = html`<${Text} of=${nameOf(account)} />`;
  const actions = [];
  if (status === "invited" && enabled) {
    actions.push({
      button: "Invite again",
      text: "The invitation was lost or has expired.",
      consequence: html`A new temporary password is mailed to ${who}. The earlier one stops working.`,
      busy: "Inviting…",
      done: "The invitation has been mailed again.",
      mails: true,
      run: () => call("POST", "/accounts/invitations", { json: { email, name: name || email } }),
    });
  }
  if (!isOwn) {
    const whyNot = enabled ? NO_RESET[status] : "Enable the account before you send a password reset.";
    actions.push({
      button: "Send password reset",
      text: whyNot ?? "The password is forgotten, or somebody else knows it.",
      consequence: html`The password of ${who} stops working at once. A code to choose a new one is mailed to them.`,
      busy: "Sending…",
      done: "A code has been mailed. The password no longer works.",
      mails: true,
      run: whyNot === undefined && (() => call("POST", `${path}/password-reset`)),
    });
    actions.push({
      button: "Remove two-step sign-in",
      text: totp ? "The phone with the authenticator app is lost." : "Two-step sign-in is off.",
      consequence: html`${who} can then sign in with the password alone. Make sure that it is they who ask for this.`,
      busy: "Removing…",
      done: "Two-step sign-in is off.",
      run: totp && (() => call("DELETE", `${path}/totp`)),
    });
  }
  actions.push({
    button: "Sign out everywhere",
    text: "A device is lost, or somebody else is signed in.",
    consequence: html`All sessions of ${who} end. It can take up to 15 minutes until all of them notice.`,
    busy: "Signing out…",
    done: "All sessions have ended.",
    ends: true,
    run: () => call("DELETE", `${path}/sessions`),
  });
  actions.push(
    enabled
      ? {
          button: "Disable account",
          text: "Nobody can sign in, but nothing is deleted.",
          consequence: html`${who} is signed out everywhere, and can’t sign in until you enable the account again.`,
          busy: "Disabling…",
          done: "The account is disabled.",
          ends: true,
          run: () => call("PATCH", path, { json: { enabled: false } }),
        }
      : {
          button: "Enable account",
          text: "The account is disabled: nobody can sign in.",
          consequence: html`${who} can sign in again.`,
          busy: "Enabling…",
          done: "The account is enabled.",
          isHarmless: true,
          run: () => call("PATCH", path, { json: { enabled: true } }),
        },
  );
  return actions.filter(({ text }) => text);
}

function Help(props) {
  const { account, reload, isOwn } = props;
  const [asks, setAsks] = useState(null);
  const { heading, done, say } = useDone(asks);
  const act = async () => {
    try {
      await asks.run();
    } catch (problem) {
      if (problem.slug === "wrong-status") reload();
      throw problem;
    }
    if (isOwn && asks.ends) return forget(`${asks.done} Sign in again.`);
    await reload();
    return say(asks.done);
  };
  return html`
    <${Section} title="Sign-in" place=${heading}>
      <p class="done">${done}</p>
      <ul class="plain actions">
        ${actionsFor(props).map(
          (action) => html`
            <li key=${action.button}>
              <span>${action.text}</span>
              ${action.run &&
              html`<button type="button" class="button" onClick=${() => setAsks(action)}>${action.button}</button>`}
            </li>
          `,
        )}
      </ul>
      ${asks &&
      html`
        <${Confirm}
          title=${`${asks.button}?`}
          button=${asks.button}
          busy=${asks.busy}
          isDangerous=${!asks.isHarmless}
          words=${asks.mails ? { ...HELP_WORDS, ...MAIL_WORDS } : HELP_WORDS}
          confirm=${act}
          close=${() => setAsks(null)}
        >
          <p>${asks.consequence}</p>
        <//>
      `}
    <//>
  `;
}

const HELP_WORDS = {
  ...WORDS,
  "wrong-status": "The status of this account does not allow this now. Close this dialog to see the present status.",
  "account-exists": "This person has come meanwhile, and needs no invitation.",
};

const MAIL_WORDS = { "throttled": "Too many e-mails have been sent to this account. Try again later." };

// Deleting

function Delete({ path, account, isOwn }) {
  const [asks, setAsks] = useState(false);
  const word = clean(account.email || account.userid);
  const done = (isThere) => isThere && navigate("/people", {}, { replace: true, say: `The account of ${word} was deleted.` });
  if (isOwn) return null;
  return html`
    <${Section} title="Delete account">
      <p>The account, its record, its profile and its pictures are deleted. Nobody can bring them back.</p>
      <p><button type="button" class="button danger" onClick=${() => setAsks(true)}>Delete account</button></p>
      ${asks &&
      html`
        <${EraseDialog}
          title="Delete this account?"
          word=${word}
          words=${WORDS}
          erase=${() => call("DELETE", path)}
          done=${done}
          close=${() => setAsks(false)}
        >
          <p>
            Everything of <${Text} of=${nameOf(account)} /> is deleted for good: the account, the record, the profile and
            all pictures, also public ones. To keep the data, disable the account instead.
          </p>
        <//>
      `}
    <//>
  `;
}

// What the sections share

function nameOf({ name, email, userid }) {
  return name?.trim() || email || userid;
}

/**
 * What has just been done in a section: a sentence, which is also announced once no dialog is open (`asks`). If the
 * button that was used is gone, the section's heading takes the focus then.
 */
function useDone(asks) {
  const heading = useRef();
  const [done, setDone] = useState({ text: "" });
  useEffect(() => {
    if (!done.text || asks) return;
    announce(done.text);
    if ([document.body, null].includes(document.activeElement)) heading.current.focus();
  }, [done, asks]);
  const say = (text) => setDone({ text });
  return { heading, done: done.text, say };
}
