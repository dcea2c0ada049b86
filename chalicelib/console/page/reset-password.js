/** The second half of resetting a password: the mailed code and a new password, which also sign in. */
import { html, useState } from "./preact.js";
import { send } from "./http.js";
import { Page } from "./components.js";
import { CodeField, Field, Form, PasswordField } from "./forms.js";
import { link, navigate } from "./router.js";
import { signIn } from "./session.js";
import { OwnPage, SignInSteps, noteEmail, typed } from "./sign-in.js";

const DONE = "Your password has been changed, and all other sessions have ended.";

const UNKNOWN =
  "Roster did not respond in time, so your password may have been changed. Try to sign in with the new one. If that " +
  "fails, save it again.";
const WORDS = { "unavailable": UNKNOWN, "no-response": UNKNOWN, "timeout": UNKNOWN };

export default function ResetPasswordPage() {
  const [challenge, setChallenge] = useState(null);
  if (challenge) return html`<${SignInSteps} frame=${OwnPage} asked=${challenge} />`;

  const submit = async (values) => {
    await send("PUT", "/accounts/password-reset", { json: values });
    const { email, password } = values;
    noteEmail(email);
    try {
      const { status, data } = await signIn("/sessions", { email, password });
      if (status === 202) return setChallenge(data);
      navigate("/", {}, { replace: true, say: DONE });
    } catch {
      navigate("/sign-in", {}, { replace: true, say: "Your password has been changed. Sign in with it." });
    }
  };
  return html`
    <${Page} narrow title="Set a new password">
      <${Form} button="Save password" busy="Saving…" submit=${submit} words=${WORDS}>
        <${Field} name="email" label="E-mail address" type="email" autocomplete="username" value=${typed.email} />
        <${CodeField} hint="The 6 digits in the e-mail" />
        <${PasswordField} label="New password" isNew />
      <//>
      <ul class="links">
        <li>No e-mail? <a href=${link("/forgotten-password")}>Send a new code</a></li>
        <li><a href=${link("/sign-in")}>Sign in</a></li>
      </ul>
    <//>
  `;
}
