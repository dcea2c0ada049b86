/** One's own account: sections, each saved by itself. */
import { html, useState } from "./preact.js";
import { settings } from "./http.js";
import { Key, Loaded, Notice, Page, ProblemNotice, Section, Text, useLate, useLoad } from "./components.js";
import { EraseDialog } from "./erasure.js";
import { CodeField, Confirm, Field, Form, PasswordField, Username } from "./forms.js";
import { NamesForm } from "./names.js";
import { call, current, forget, refresh, signIn, updatePerson } from "./session.js";
import { noteEmail } from "./sign-in.js";

export default function AccountPage() {
  const loaded = useLoad(() => call("GET", "/account"));
  return html`
    <${Page} title="Account">
      <${Loaded} from=${loaded} what="Loading your account…">
        ${({ data: account, replace }) => {
          const change = (changes) => replace({ data: { ...account, ...changes } });
          return html`
            <${Names} account=${account} change=${change} />
            <${Email} account=${account} change=${change} />
            <${Password} account=${account} />
            ${(settings.totp || account.totp) && html`<${TwoSteps} account=${account} change=${change} />`}
            <${Sessions} />
            <${Data} />
            <${Deletion} account=${account} />
          `;
        }}
      <//>
    <//>
  `;
}

// Profile

function Names({ account, change }) {
  const saved = ({ data }) => {
    change(data);
    updatePerson({ name: data.name });
  };
  return html`
    <${Section} id="profile" title="Profile">
      ${account.groups.length > 0 &&
      html`<p>Member of ${account.groups.map((group) => html`<span class="badge"><${Text} of=${group} /></span> `)}</p>`}
      <${NamesForm} path="/account" account=${account} saved=${saved} />
    <//>
  `;
}

// E-mail

function Email({ account, change }) {
  const [step, setStep] = useState("address");
  const [address, setAddress] = useState("");
  const [done, setDone] = useState("");

  const ask = async ({ email, password }) => {
    await call("PUT", "/account/email", { json: { email, password } });
    setAddress(email);
    setDone("");
    setStep("code");
  };
  const confirm = async ({ code }) => {
    await call("POST", "/account/email/confirmation", { json: { code } });
    await refresh().catch(() => {}); // the new address is in the next ID token
    const { data } = await call("GET", "/account");
    change(data);
    updatePerson({ email: data.email });
    setAddress("");
    setDone("Your e-mail address has been changed.");
    setStep("address");
  };
  return html`
    <${Section} id="email" title="E-mail">
      <p>
        Your address is <strong><${Text} of=${account.email} /></strong>${account.email_verified ? "." : ", which is not confirmed."}
      </p>
      ${done && html`<${Notice} kind="success" takesFocus>${done}<//>`}
      ${step === "address"
        ? html`
            <${Form} key="address" button="Send code" busy="Sending…" submit=${ask} beside=${html`
              <button type="button" class="button quiet" onClick=${() => setStep("code")}>Enter a code</button>
            `}>
              <${Field}
                name="email"
                label="New e-mail address"
                type="email"
                autocomplete="email"
                value=${address}
                hint="A code is mailed to it. Until you enter the code, the present address stays."
              />
              <${PasswordField} label="Your password" />
            <//>
          `
        : html`
            ${address &&
            html`<p role="status">
              If nobody else has the address <strong><${Text} of=${address} /></strong>, a code has been mailed to it.
            </p>`}
            <${Form}
              key="code"
              button="Change address"
              busy="Changing…"
              submit=${confirm}
              cancel=${() => setStep("address")}
              words=${{ "email-taken": "Another account has this address by now. Yours was not changed." }}
            >
              <${CodeField} hint="The 6 digits in the e-mail to the new address" />
            <//>
          `}
    <//>
  `;
}

// Password

const CHANGED = "Your password has been changed. Sign in with it.";
const UNKNOWN =
  "Roster did not respond in time, so your password may have been changed. Try again. If your present password is then " +
  "wrong, it has been changed.";
const WORDS = { "unavailable": UNKNOWN, "no-response": UNKNOWN, "timeout": UNKNOWN };

function Password({ account }) {
  const save = async ({ password, new_password }) => {
    await call("PUT", "/account/password", { json: { password, new_password } });
    await signInWith(account.email, new_password);
    return "Saved. All other sessions have ended.";
  };
  return html`
    <${Section} id="password" title="Password">
      <p>Changing it ends all your sessions${account.totp ? ", also this one" : " on other devices"}.</p>
      <${Form} button="Change password" busy="Changing…" submit=${save} words=${WORDS} clears>
        <${Username} of=${account.email} />
        <${PasswordField} label="Present password" />
        <${PasswordField} name="new_password" label="New password" isNew />
      <//>
    <//>
  `;
}

/** The server has ended this session with all others: begin another one, or ask the person to. */
async function signInWith(email, password) {
  const { epoch } = current();
  try {
    const { status } = await signIn("/sessions", { email, password });
    if (status === 200) return;
  } catch {
    // The password is changed all the same.
  }
  if (current().epoch !== epoch) return; // the person has signed out meanwhile
  forget(CHANGED);
  noteEmail(email);
}

// Two-step sign-in

function TwoSteps({ account, change }) {
  const [step, setStep] = useState("");
  const [done, setDone] = useState("");
  const finish = (totp, text) => {
    change({ totp });
    setDone(text);
    setStep("");
  };
  return html`
    <${Section} id="two-steps" title="Two-step sign-in">
      ${done && html`<${Notice} kind="success" takesFocus>${done}<//>`}
      ${account.totp
        ? html`
            <p>It is <strong>on</strong>. Every sign-in asks for a code from your authenticator app.</p>
            <p><button type="button" class="button" onClick=${() => setStep("remove")}>Turn off</button></p>
          `
        : step !== "set-up" &&
          html`
            <p>
              It is <strong>off</strong>. With it, every sign-in also asks for a code from an app on your phone, so that
              your password alone is of no use to anybody else.
            </p>
            <p><button type="button" class="button" onClick=${() => setStep("set-up")}>Set up</button></p>
          `}
      ${step === "set-up" &&
      html`<${SetUp} cancel=${() => setStep("")} finish=${() => finish(true, "Two-step sign-in is on.")} />`}
      ${step === "remove" &&
      html`<${Confirm}
        title="Turn off two-step sign-in?"
        button="Turn off"
        busy="Turning off…"
        password
        close=${() => setStep("")}
        confirm=${async ({ password }) => {
          await call("POST", "/account/totp/removal", { json: { password } });
          finish(false, "Two-step sign-in is off. Delete the entry in your authenticator app.");
        }}
      >
        <p>From then on, your password alone is enough to sign in.</p>
      <//>`}
    <//>
  `;
}

const WRONG_CODE = { "invalid-code": "This is not the code that the app shows now. Enter the one that it shows now." };

function SetUp({ cancel, finish }) {
  const key = useLoad(() => call("POST", "/account/totp"));
  const confirm = async ({ code }) => {
    await call("PUT", "/account/totp", { json: { code } });
    finish();
  };
  return html`
    <${Loaded} from=${key}>
      ${({ data }) => html`
        <p>Scan this picture with an authenticator app on your phone, then enter the code that the app shows.</p>
        <img class="qr" alt="QR code with the key below" src=${`data:image/svg+xml,${encodeURIComponent(data.qr)}`} />
        <p>Or type this key into the app: <${Key} of=${data.secret} /></p>
        <${Form} button="Turn on" busy="Turning on…" submit=${confirm} cancel=${cancel} words=${WRONG_CODE}>
          <${CodeField} hint="The 6 digits that the app shows" />
        <//>
      `}
    <//>
  `;
}

// Sessions, data and deletion

function Sessions() {
  const [isAsking, setAsking] = useState(false);
  const end = async () => {
    await call("DELETE", "/sessions");
    forget("You are signed out everywhere. On other devices, it can take up to 15 minutes.");
  };
  return html`
    <${Section} id="sessions" title="Sessions">
      <p>If you have lost a device, or left one signed in, end all sessions: those on other devices, and this one.</p>
      <p><button type="button" class="button" onClick=${() => setAsking(true)}>Sign out everywhere</button></p>
      ${isAsking &&
      html`<${Confirm}
        title="Sign out everywhere?"
        button="Sign out everywhere"
        busy="Signing out…"
        close=${() => setAsking(false)}
        confirm=${end}
      >
        <p>You sign in again on each device. What you have not saved in other tabs is lost.</p>
      <//>`}
    <//>
  `;
}

function Data() {
  const [state, setState] = useState({ isBusy: false, problem: null, done: "" });
  const isLate = useLate(state.isBusy);
  const save = async () => {
    if (state.isBusy) return;
    setState({ isBusy: true, problem: null, done: "" });
    try {
      const { text, headers } = await call("GET", "/account/export");
      const name = /filename="([\w.-]+)"/.exec(headers.get("Content-Disposition") ?? "")?.[1] ?? "roster.json";
      download(text, name);
      setState({ isBusy: false, problem: null, done: `Saved as ${name}.` });
    } catch (problem) {
      setState({ isBusy: false, problem, done: "" });
    }
  };
  return html`
    <${Section} id="data" title="Your data">
      <p>Everything that is stored about you, as one file (JSON): account, groups, record and profile. Pictures are
        linked in it.</p>
      ${state.problem && html`<${ProblemNotice} problem=${state.problem} />`}
      <p class="row">
        <button type="button" class="button" aria-disabled=${state.isBusy} onClick=${save}>
          ${isLate ? "Preparing…" : "Download your data"}
        </button>
        <span class="done" role="status">${state.done}</span>
      </p>
    <//>
  `;
}

/** Let the browser save `text`, exactly as the server has sent it. */
function download(text, name) {
  const address = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  const anchor = document.createElement("a");
  anchor.href = address;
  anchor.download = name;
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

function Deletion({ account }) {
  const [isAsking, setAsking] = useState(false);
  return html`
    <${Section} id="deletion" title="Delete account">
      <p>Deletes your account, your record, your profile and all your pictures. It cannot be undone.</p>
      <p><button type="button" class="button danger" onClick=${() => setAsking(true)}>Delete account</button></p>
      ${isAsking &&
      html`<${EraseDialog}
        title="Delete your account?"
        password
        words=${{ "last-admin": "You are the last administrator. Make somebody else an administrator first." }}
        close=${() => setAsking(false)}
        erase=${({ password }) => call("POST", "/account/deletion", { json: { password } })}
        done=${() => forget("Your account and everything in it have been deleted.")}
      >
        <p>
          The account <strong><${Text} of=${account.email} /></strong>, your record, your profile and all your pictures
          will be deleted. Nobody can bring them back. If you want to keep something, download your data first.
        </p>
        <${Username} of=${account.email} />
      <//>`}
    <//>
  `;
}
