/** Confirming an e-mail address with the code that was mailed to it, which also signs in. */
import { html, useState } from "./preact.js";
import { send } from "./http.js";
import { Page, Text } from "./components.js";
import { CodeField, Field, Form, PasswordField } from "./forms.js";
import { link, navigate } from "./router.js";
import { signIn } from "./session.js";
import { OwnPage, SignInSteps, noteEmail, typed } from "./sign-in.js";

const MAILED = "If there is something to confirm, a new code has been mailed.";
const SOMEBODY_ELSE =
  "Your address is confirmed. But the password is not the one that this account was created with, so somebody else may " +
  "have chosen that. It does not work any more. A code has been mailed to you, with which you set a new one.";

export default function ConfirmPage({ query }) {
  const isAsking = query.get("code") === "new";
  const [said, setSaid] = useState("");
  const [challenge, setChallenge] = useState(null);
  if (challenge) return html`<${SignInSteps} frame=${OwnPage} asked=${challenge} />`;

  const ask = async ({ email }) => {
    await send("POST", "/accounts/confirmation/code", { json: { email } });
    noteEmail(email);
    setSaid(MAILED);
    navigate("/confirm", {}, { replace: true });
  };
  if (isAsking) {
    return html`
      <${Page} key="ask" narrow title="Get a new code">
        <${Form} button="Send code" busy="Sending…" submit=${ask}>
          <${Field} name="email" label="E-mail address" type="email" autocomplete="username" value=${typed.email} />
        <//>
        <${Links} />
      <//>
    `;
  }

  const confirm = async (values) => {
    const { email, code, password } = { ...typed, ...values };
    noteEmail(email);
    try {
      const { status, data } = await signIn("/accounts/confirmation", { email, code, password });
      if (status === 202) return setChallenge(data);
      navigate("/", {}, { replace: true, say: "Your address is confirmed, and you are signed in." });
    } catch (problem) {
      if (problem.slug !== "password-reset-required") throw problem;
      typed.password = "";
      navigate("/reset-password", {}, { replace: true, say: SOMEBODY_ELSE, kind: "warning" });
    }
  };
  const knowsPassword = Boolean(typed.email && typed.password);
  return html`
    <${Page} key="enter" narrow title="Confirm your address">
      ${said && html`<p role="status">${said}</p>`}
      ${knowsPassword &&
      html`<p>
        The code is mailed to <strong><${Text} of=${typed.email} /></strong>. If that is not your address,${" "}
        <a href=${link("/sign-up")}>sign up again</a>.
      </p>`}
      <${Form} button="Confirm" busy="Confirming…" submit=${confirm} help=${helpToConfirm}>
        ${!knowsPassword &&
        html`<${Field} name="email" label="E-mail address" type="email" autocomplete="username" value=${typed.email} />`}
        <${CodeField} hint="The 6 digits in the e-mail" />
        ${!knowsPassword && html`<${PasswordField} hint="The one that you signed up with" />`}
      <//>
      <p>
        No e-mail after a few minutes? Look among the junk mail, or${" "}
        <a href=${link("/confirm", { code: "new" })}>get a new code</a>. If you have an account already, nothing is
        mailed.
      </p>
      <${Links} />
    <//>
  `;
}

function helpToConfirm(problem) {
  if (problem.slug !== "invalid-code") return null;
  return html`<p>If the address is confirmed already, <a href=${link("/sign-in")}>sign in</a>.</p>`;
}

function Links() {
  return html`
    <ul class="links">
      <li><a href=${link("/sign-in")}>Sign in</a></li>
      <li><a href=${link("/forgotten-password")}>Forgotten password?</a></li>
    </ul>
  `;
}
