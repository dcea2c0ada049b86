/**
 * Signing in: with a password, and with what else the account asks for. It is a page of its own, and the content of the
 * dialog that asks for it again (app.js).
 */
import { html, useEffect, useRef, useState } from "./preact.js";
import { settings } from "./http.js";
import { CodeField, Field, Form, PasswordField, Username } from "./forms.js";
import { Key, Notice, Page } from "./components.js";
import { link } from "./router.js";
import { current, onSessionChange, signIn } from "./session.js";

/**
 * What was typed in one of the signed-out forms, for the next one: an address, and the password with which somebody has
 * just signed up. It is in memory only, until somebody is signed in or has left.
 */
export const typed = { email: "", password: "" };

/** Note an address. A password that was noted belongs to the address before. */
export function noteEmail(email) {
  if (email !== typed.email) Object.assign(typed, { email, password: "" });
}

let epoch = current().epoch;
onSessionChange((session) => {
  if (session.person || session.epoch !== epoch) noteEmail("");
  epoch = session.epoch;
});

export default function SignInPage() {
  return html`<${SignInSteps} frame=${OwnPage} />`;
}

/** The frame of the steps on a page of their own. */
export function OwnPage({ title, isFirst, children }) {
  return html`
    <${Page} narrow title=${title}>
      ${children}
      ${isFirst &&
      html`<ul class="links">
        ${settings.sign_up && html`<li>No account yet? <a href=${link("/sign-up")}>Sign up</a></li>`}
        <li><a href=${link("/forgotten-password")}>Forgotten password?</a></li>
      </ul>`}
    <//>
  `;
}

/**
 * The steps of a sign-in. `frame` shows the `title` of each. `email` is given if only this person may sign in, and
 * `asked` is the challenge to begin with, if the password is known already.
 */
export function SignInSteps({ frame: Frame, email, asked = null }) {
  const [challenge, setChallenge] = useState(asked);
  const proceed = ({ status, data }) => {
    if (status === 202) setChallenge(data);
  };
  const answer = async (values) => {
    const { challenge: name, session } = challenge;
    proceed(await signIn("/sessions/challenge", { challenge: name, session, ...values }));
  };
  const again = () => setChallenge(null);
  if (!challenge) {
    return html`<${Frame} key="password" title="Sign in" isFirst><${PasswordStep} ...${{ email, proceed }} /><//>`;
  }
  const [title, Step] = STEPS[challenge.challenge] ?? ["This account needs another way to sign in", UnknownStep];
  return html`
    <${Frame} key=${challenge.challenge} title=${title}><${Step} ...${{ challenge, answer, again }} /><//>
  `;
}

function PasswordStep({ email, proceed }) {
  const submit = async (values) => {
    noteEmail(values.email);
    proceed(await signIn("/sessions", values));
  };
  // In the dialog, a link would replace the view behind it, with all that was typed there.
  return html`
    <${Form} button="Sign in" busy="Signing in…" submit=${submit} help=${email ? undefined : helpToSignIn}>
      <${Field}
        name="email"
        label="E-mail address"
        type="email"
        autocomplete="username"
        value=${email ?? typed.email}
        readonly=${Boolean(email)}
      />
      <${PasswordField} />
    <//>
  `;
}

function helpToSignIn(problem) {
  if (problem.slug !== "invalid-credentials") return null;
  return html`
    <p class="row">
      <a href=${link("/confirm", { code: "new" })}>Send a new code</a>
      <a href=${link("/forgotten-password")}>Reset password</a>
    </p>
  `;
}

const WRONG_CODE = {
  "invalid-credentials": "The code is wrong or too old, or signing in took too long. Try again, or start again.",
};

function StartAgain({ again }) {
  return html`<button type="button" class="button" onClick=${again}>Start again</button>`;
}

function CodeStep({ answer, again, hint = "The 6 digits that your authenticator app shows now" }) {
  return html`
    <${Form}
      button="Sign in"
      busy="Signing in…"
      submit=${answer}
      words=${WRONG_CODE}
      beside=${html`<${StartAgain} again=${again} />`}
    >
      <${CodeField} label="Code" hint=${hint} />
    <//>
  `;
}

function SetUpStep({ challenge, answer, again }) {
  const address = challenge.uri.startsWith("otpauth://") ? challenge.uri : undefined;
  return html`
    <p>
      Everybody here signs in with a password and a code. Add this key to an authenticator app on your phone, then enter
      the code that the app shows.
    </p>
    <dl>
      <dt>Key</dt>
      <dd><${Key} of=${challenge.secret} /></dd>
    </dl>
    ${address && html`<p><a href=${address}>Open an authenticator app on this device</a></p>`}
    <${CodeStep} hint="The 6 digits that the app shows" ...${{ answer, again }} />
  `;
}

const NAMES = { name: "Name", given_name: "Given name", family_name: "Family name" };
const TOKENS = { name: "name", given_name: "given-name", family_name: "family-name" };

function PasswordToChooseStep({ challenge, answer, again }) {
  return html`
    <p>You were invited with a temporary password. Choose one of your own.</p>
    <${Form}
      button="Save password"
      busy="Saving…"
      submit=${answer}
      words=${{ "invalid-credentials": "Signing in took too long. Start again." }}
      beside=${html`<${StartAgain} again=${again} />`}
    >
      ${(challenge.missing ?? [])
        .filter((name) => NAMES[name])
        .map((name) => html`<${Field} key=${name} name=${name} label=${NAMES[name]} autocomplete=${TOKENS[name]} />`)}
      <${Username} of=${typed.email} />
      <${PasswordField} label="New password" isNew />
    <//>
  `;
}

function UnknownStep({ again }) {
  return html`
    <${Notice} kind="warning">
      <p>This page cannot ask for what the account needs. Ask an administrator, or sign in with another application.</p>
      <p><${StartAgain} again=${again} /></p>
    <//>
  `;
}

const STEPS = {
  TOTP: ["Enter your code", CodeStep],
  TOTP_SETUP: ["Set up two-step sign-in", SetUpStep],
  NEW_PASSWORD: ["Choose a password", PasswordToChooseStep],
};

/** The frame of the steps in a dialog: its heading is the dialog's, so only later steps have one of their own. */
export function StepInDialog({ title, isFirst, children }) {
  const heading = useRef();
  useEffect(() => heading.current?.focus(), []);
  return html`${!isFirst && html`<h3 tabindex="-1" ref=${heading}>${title}</h3>`} ${children}`;
}
