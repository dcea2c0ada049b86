/**
 * Forms that keep what was typed, and say what is wrong where it is wrong.
 *
 *   <${Form} button="Sign in" busy="Signing in…" submit=${async ({ email, password }) => { await send(…) }}>
 *     <${Field} name="email" label="E-mail address" type="email" autocomplete="username" />
 *     <${PasswordField} name="password" label="Password" />
 *   <//>
 *
 * `submit` gets the values by name. It may return a sentence, such as "Saved.", which is shown; if it throws a `Problem`,
 * that is shown in a summary, which takes the focus, and beside its field if it is about one: those that `problem.errors`
 * names ("/email"), or the one that the problem always is about. `words` has sentences for this form, by the problem's slug; `help` is called with the problem
 * and returns what else to show, such as a link. Sending twice does nothing twice.
 *
 * Every field is required unless it is `optional`. `check(value, values)` returns what is wrong, or nothing. Fields keep
 * their text themselves: `value` is only what is in them at first. A control of your own joins with `useField`.
 *
 *   <${Confirm} title="Delete this picture?" button="Delete picture" busy="Deleting…" word="delete" close=${close}
 *     confirm=${async ({ password }) => …}>What is lost.<//>
 */
import { createContext, html, useContext, useEffect, useId, useRef, useState } from "./preact.js";
import { Problem, sentence, settings } from "./http.js";
import { Details, Dialog, useLate } from "./components.js";

const Here = createContext(null);

/**
 * @param {object} props
 * @param {(values: Record<string, any>) => Promise<string | void>} props.submit
 * @param {string} props.button what the button says
 * @param {string} props.busy what it says while it works, such as "Saving…"
 * @param {Record<string, string>} [props.words] sentences for this form, by slug
 * @param {(problem: Problem) => unknown} [props.help] what to show below a problem
 * @param {boolean} [props.isDangerous] whether the button deletes something
 * @param {() => void} [props.cancel] adds a button "Cancel"
 * @param {unknown} [props.beside] what stands beside the button
 * @param {boolean} [props.clears] whether the fields are emptied after success
 */
export function Form({ submit, button, busy, words, help, isDangerous, cancel, beside, clears, children }) {
  const fields = useRef(new Map());
  const form = useRef();
  const summary = useRef();
  const isRunning = useRef(false);
  const isThere = useRef(true);
  const [isWorking, setWorking] = useState(false);
  const [state, setState] = useState(NOTHING);
  const isLate = useLate(isWorking);

  useEffect(() => () => void (isThere.current = false), []);
  useEffect(() => {
    if (state.failure) summary.current?.focus();
  }, [state.failure]);

  const onSubmit = async (event) => {
    event.preventDefault();
    if (isRunning.current) return;
    isRunning.current = true;
    setWorking(true);
    const next = await attempt(fields.current, submit, words);
    isRunning.current = false;
    if (!isThere.current) return;
    setWorking(false);
    setState(next);
    if (next.done && clears) {
      form.current.reset();
      for (const field of fields.current.values()) field.reset?.();
    }
  };
  const onInput = () => state.done && setState(NOTHING);

  return html`
    <form ref=${form} novalidate onSubmit=${onSubmit} onInput=${onInput} aria-busy=${isWorking}>
      ${state.failure &&
      html`<${Summary} place=${summary} failure=${state.failure} fields=${fields.current} words=${words} help=${help} />`}
      <${Here.Provider} value=${{ fields: fields.current, faults: state.failure?.faults ?? {} }}>${children}<//>
      <div class="buttons">
        <button class=${`button main${isDangerous ? " danger" : ""}`} aria-disabled=${isWorking}>
          ${isLate ? busy : button}
        </button>
        ${cancel && html`<button type="button" class="button" onClick=${cancel}>Cancel</button>`} ${beside}
        <span class="done" role="status">${state.done}</span>
      </div>
    </form>
  `;
}

const NOTHING = { failure: null, done: "" };

async function attempt(fields, submit, words) {
  const values = {};
  for (const [name, field] of fields) values[name] = field.read();
  const faults = {};
  for (const [name, field] of fields) {
    const fault = field.check?.(values[name], values);
    if (fault) faults[name] = fault;
  }
  if (Object.keys(faults).length) return { failure: { faults, problem: null }, done: "" };
  try {
    return { failure: null, done: (await submit(values)) || "" };
  } catch (problem) {
    if (!(problem instanceof Problem)) console.error(problem);
    return { failure: { faults: faultsOf(problem, fields, words), problem }, done: "" };
  }
}

/** The fields that a problem is about: the first of these that the form has. */
const ABOUT = {
  "account-exists": ["email"],
  "email-taken": ["email"],
  "invalid-code": ["code"],
  "password-rejected": ["new_password", "password"],
  "wrong-password": ["password"],
};

/** Return what is wrong with single fields, by their names. */
function faultsOf(problem, fields, words) {
  const faults = {};
  for (const { pointer, detail } of problem.errors ?? []) {
    const name = String(pointer).split("/")[1];
    if (fields.has(name)) faults[name] ??= fields.get(name).refused ?? detail;
  }
  const about = ABOUT[problem.slug]?.find((name) => fields.has(name));
  if (about) faults[about] ??= sentence(problem, words);
  return faults;
}

/** The summary above the form: what happened, links to the fields, and what to do. */
function Summary({ place, failure, fields, words, help }) {
  const { faults, problem } = failure;
  const names = Object.keys(faults);
  const goTo = (event, name) => {
    event.preventDefault();
    fields.get(name).focus();
  };
  return html`
    <div class="notice problem" role="alert" tabindex="-1" ref=${place}>
      <p class="notice-title">${problem && !names.length ? sentence(problem, words) : "Check what you entered"}</p>
      ${names.length > 0 &&
      html`<ul>
        ${names.map(
          (name) =>
            html`<li key=${name}>
              <a href=${`#${fields.get(name).id}`} onClick=${(event) => goTo(event, name)}>${faults[name]}</a>
            </li>`,
        )}
      </ul>`}
      ${problem && help?.(problem)} ${problem && html`<${Details} problem=${problem} />`}
    </div>
  `;
}

/**
 * Make a control of your own a field of the form around it. Returns `id`, `fault` (what is wrong with it) and
 * `described`, the id for aria-describedby of the fault's text.
 *
 * @param {string} name
 * @param {{read: () => any, check?: Function, focus: () => void, reset?: () => void, refused?: string}} control `refused`
 *   says what to do if the API refuses the value, in place of the API's own words
 */
export function useField(name, control) {
  const form = useContext(Here);
  const id = useId();
  form.fields.set(name, { id, ...control });
  useEffect(() => () => void form.fields.delete(name), [name]);
  return { id, fault: form.faults[name], described: `${id}-fault` };
}

/** A field's frame: label, hint and what is wrong with it, above the control. */
export function FieldFrame({ id, label, hint, fault, optional, children }) {
  return html`
    <div class=${fault ? "field bad" : "field"}>
      <label for=${id}>${label}${optional ? html` <span class="muted">(optional)</span>` : ""}</label>
      ${hint && html`<p class="hint" id=${`${id}-hint`}>${hint}</p>`}
      ${fault && html`<p class="fault" id=${`${id}-fault`}><span class="visually-hidden">Error: </span>${fault}</p>`}
      ${children}
    </div>
  `;
}

/** The attributes that connect a control with its hint and fault. */
export function connected({ id, hint, fault }, more = "") {
  const ids = [hint && `${id}-hint`, fault && `${id}-fault`, more].filter(Boolean).join(" ");
  return { id, "aria-describedby": ids || undefined, "aria-invalid": fault ? "true" : undefined };
}

/**
 * A line of text. `type`: text, email, search… `rows` makes it a text area. `whose` is the word in "Enter your name",
 * where it is not the person's own.
 */
export function Field({
  name,
  label,
  hint,
  type = "text",
  value = "",
  optional,
  check,
  rows,
  whose = "your",
  ...attributes
}) {
  const input = useRef();
  const { id, fault } = useField(name, {
    read: () => read(input.current, type),
    check: (text, values) => check?.(text, values) ?? missing(text, label, optional, whose) ?? wrongEmail(text, type),
    focus: () => input.current.focus(),
    refused: type === "email" ? WRONG_EMAIL : `Change the ${lowered(label)}: it is too long, or has unusual characters`,
  });
  const tied = connected({ id, hint, fault });
  return html`
    <${FieldFrame} ...${{ id, label, hint, fault, optional }}>
      <div class="control">
        ${rows
          ? html`<textarea ref=${input} name=${name} rows=${rows} defaultValue=${value} ...${tied} ...${attributes} />`
          : html`<input
              ref=${input}
              name=${name}
              type=${type}
              defaultValue=${value}
              ...${type === "email" ? EMAIL : {}}
              ...${tied}
              ...${attributes}
            />`}
      </div>
    <//>
  `;
}

const EMAIL = { autocapitalize: "none", autocorrect: "off", spellcheck: false };

function read(input, type) {
  return type === "email" ? input.value.trim() : input.value;
}

function missing(text, label, optional, whose) {
  if (optional || text.trim()) return undefined;
  return `Enter ${/^(?:a|an|the|your)\b/i.test(label) ? "" : `${whose} `}${lowered(label)}`;
}

function lowered(label) {
  return /^[A-Z][a-z]/.test(label) || /^E-/.test(label) ? label[0].toLowerCase() + label.slice(1) : label;
}

const WRONG_EMAIL = "Enter an e-mail address like name@example.com";

function wrongEmail(text, type) {
  if (type !== "email" || !text || /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(text)) return undefined;
  return WRONG_EMAIL;
}

/** A code that was mailed, or that an app shows. Spaces in it do not matter. */
export function CodeField({ label = "Code", hint }) {
  const input = useRef();
  const { id, fault } = useField("code", {
    read: () => input.current.value.replace(/\s/g, ""),
    check: (text) => (text ? undefined : "Enter the code"),
    focus: () => input.current.focus(),
    refused: "Enter the code as it was given: 6 digits",
  });
  return html`
    <${FieldFrame} ...${{ id, label, hint, fault }}>
      <input
        ref=${input}
        name="code"
        class="code"
        inputmode="numeric"
        autocomplete="one-time-code"
        spellcheck=${false}
        ...${connected({ id, hint, fault })}
      />
    <//>
  `;
}

/** A password, with a button that shows it. `isNew`: it states the rules, and ticks them while somebody types. */
export function PasswordField({ name = "password", label = "Password", hint, isNew }) {
  const input = useRef();
  const [isShown, setShown] = useState(false);
  const [text, setText] = useState("");
  const { id, fault } = useField(name, {
    read: () => {
      setShown(false); // browsers offer to save only what is in a field of this type
      return input.current.value;
    },
    check: (password) => missing(password, label, false, "your") ?? (isNew ? brokenRule(password) : undefined),
    focus: () => input.current.focus(),
    reset: () => setText(""),
  });
  return html`
    <${FieldFrame} ...${{ id, label, hint, fault }}>
      ${isNew && html`<${Rules} id=${`${id}-rules`} text=${text} />`}
      <div class="control">
        <input
          ref=${input}
          name=${name}
          type=${isShown ? "text" : "password"}
          autocomplete=${isNew ? "new-password" : "current-password"}
          autocapitalize="none"
          autocorrect="off"
          spellcheck=${false}
          onInput=${(event) => setText(event.target.value)}
          ...${connected({ id, hint, fault }, isNew ? `${id}-rules` : "")}
        />
        <button
          type="button"
          class="button"
          aria-label=${isShown ? "Hide password" : "Show password"}
          onClick=${() => setShown(!isShown)}
        >
          ${isShown ? "Hide" : "Show"}
        </button>
      </div>
    <//>
  `;
}

/** Whose password a form is about, for password managers. Nobody sees it. */
export function Username({ of }) {
  return html`
    <input
      class="visually-hidden"
      autocomplete="username"
      value=${of}
      readonly
      tabindex="-1"
      aria-hidden="true"
    />
  `;
}

// The rules for passwords, as chalicelib/accounts/passwords.py checks them

const KINDS = {
  lowercase: ["a lowercase letter", (password) => /[a-z]/.test(password)],
  uppercase: ["an uppercase letter", (password) => /[A-Z]/.test(password)],
  numbers: ["a number", (password) => /[0-9]/.test(password)],
  symbols: ["a symbol, such as ! or ?", (password) => /[\^$*.[\]{}()?"!@#%&/\\,><':;|_~`=+\- ]/.test(password)],
};

/** The rules: what each says, and whether a password keeps it. */
const RULES = (() => {
  const [minimum, ...kinds] = settings.password_policy.split(",");
  const length = Number(minimum) || 1;
  return [
    [`at least ${length} characters`, (password) => [...password].length >= length && password.length <= 256],
    ...kinds.map((kind) => KINDS[kind]).filter(Boolean),
    ["no space at its start or end", (password) => password !== "" && password === password.trim()],
  ];
})();

function brokenRule(password) {
  const broken = RULES.find(([, isKept]) => !isKept(password));
  return broken && `The password does not fit the rules yet: ${broken[0]}`;
}

function Rules({ id, text }) {
  const isFine = RULES.every(([, isKept]) => isKept(text));
  return html`
    <div class="rules">
      <div id=${id}>
        <p class="hint">A password has:</p>
        <ul>
          ${RULES.map(
            ([rule, isKept]) =>
              html`<li key=${rule} class=${isKept(text) ? "kept" : ""}>
                ${rule}${isKept(text) ? html`<span class="visually-hidden">, done</span>` : ""}
              </li>`,
          )}
        </ul>
      </div>
      <p class="visually-hidden" role="status">${isFine ? "The password fits all rules." : ""}</p>
    </div>
  `;
}

/**
 * Ask before something dangerous is done. The children say what is lost. `word` must be typed, or `password` asks for
 * the person's password. `confirm` gets `{ word, password }`; if it returns, the dialog closes. `isDangerous` is false
 * for what can easily be undone.
 */
export function Confirm({ title, button, busy, word, password, words, isDangerous = true, confirm, close, children }) {
  const submit = async (values) => {
    await confirm(values);
    close();
  };
  return html`
    <${Dialog} title=${title} close=${close}>
      <${Form} isDangerous=${isDangerous} button=${button} busy=${busy} words=${words} submit=${submit} cancel=${close}>
        ${children}
        ${word &&
        html`<${Field}
          name="word"
          label=${`Type “${word}” to go on`}
          autocomplete="off"
          autocapitalize="none"
          check=${(text) => (text.trim().toLowerCase() === word.toLowerCase() ? undefined : `Type “${word}”`)}
        />`}
        ${password && html`<${PasswordField} label="Your password" />`}
      <//>
    <//>
  `;
}
