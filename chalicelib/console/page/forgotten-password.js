/** The first half of resetting a password: a code is mailed. The second half is in reset-password.js. */
import { html } from "./preact.js";
import { send } from "./http.js";
import { Page } from "./components.js";
import { Field, Form } from "./forms.js";
import { link, navigate } from "./router.js";
import { noteEmail, typed } from "./sign-in.js";

export default function ForgottenPasswordPage() {
  const submit = async ({ email }) => {
    await send("POST", "/accounts/password-reset", { json: { email } });
    noteEmail(email);
    navigate("/reset-password", {}, { say: "If there is an account with this address, a code has been mailed to it." });
  };
  return html`
    <${Page} narrow title="Reset your password">
      <${Form} button="Send code" busy="Sending…" submit=${submit}>
        <${Field}
          name="email"
          label="E-mail address"
          type="email"
          autocomplete="username"
          value=${typed.email}
          hint="A code is mailed to it, with which you set a new password."
        />
      <//>
      <ul class="links">
        <li>Have a code? <a href=${link("/reset-password")}>Set a new password</a></li>
        <li><a href=${link("/sign-in")}>Sign in</a></li>
      </ul>
    <//>
  `;
}
