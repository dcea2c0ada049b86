/**
 * An editor for JSON records (records.js).
 *
 *   <${JsonRecord} source=${userRecord(userid)} label="Record" />
 *
 * Mistakes are marked where they are, and named. What is saved is what was read before: if the record has changed
 * meanwhile, both versions are shown, and nothing is lost. Changes that are not saved stay until the page is left.
 */
import { html, useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from "./preact.js";
import { Problem, sentence } from "./http.js";
import { Details, Loaded, Notice, Text, Time, useLate, useLoad } from "./components.js";
import { Confirm } from "./forms.js";
import { differences, format, locate, parse, position } from "./json-text.js";
import { current } from "./session.js";

/** Changes that are not saved, by person and record: for who comes back to the view. They are in memory only. */
const drafts = new Map();

/**
 * @param {object} props
 * @param {object} props.source see records.js
 * @param {string} props.label what the text area is called, such as "Record"
 * @param {unknown} [props.hint] what to know before typing
 * @param {{title: string, button: string, text: string}} [props.removal] how to ask before the record is deleted
 */
export function JsonRecord({ source, ...more }) {
  const { epoch } = current();
  const name = `${epoch} ${source.id}`;
  for (const key of drafts.keys()) if (!key.startsWith(`${epoch} `)) drafts.delete(key); // somebody else's
  const stored = useLoad(() => source.read(), [source.id]);
  return html`
    <${Loaded} from=${stored}>
      ${({ text, etag, saved }) =>
        html`<${Editor} key=${name} name=${name} source=${source} stored=${{ text, etag, saved }} ...${more} />`}
    <//>
  `;
}

function Editor({ name, source, stored, label, hint, removal }) {
  const draft = drafts.get(name);
  const [base, setBase] = useState(draft?.base ?? stored);
  const [text, setText] = useState(draft?.text ?? stored.text);
  const [failure, setFailure] = useState(null);
  const [theirs, setTheirs] = useState(null);
  const [note, setNote] = useState(draft ? FROM_BEFORE : null);
  const [isWorking, setWorking] = useState(false);
  const [isRemoving, setRemoving] = useState(false);
  const isRunning = useRef(false);
  const isReplaced = useRef(false);
  const isThere = useRef(true);
  const area = useRef();
  const id = useId();
  const isLate = useLate(isWorking);
  const isChanged = text !== base.text;
  const isMerged = theirs && text !== theirs.mine;
  const faults = failure?.faults ?? NO_FAULTS;
  const changes = useMemo(() => (theirs ? differences(text, theirs.text) : null), [theirs, text]);

  useEffect(() => () => void (isThere.current = false), []);
  useEffect(() => {
    if (isChanged) drafts.set(name, { base, text });
    else drafts.delete(name);
  }, [base, text]);
  useEffect(() => {
    if (!isChanged) return undefined;
    addEventListener("beforeunload", stay);
    return () => removeEventListener("beforeunload", stay);
  }, [isChanged]);

  useLayoutEffect(() => {
    if (!isReplaced.current) return;
    isReplaced.current = false;
    area.current.setSelectionRange(0, 0);
    area.current.closest(".code-area").scrollTo(0, 0);
  }, [text]);

  /** Put another text in place of what was typed, and show its start. */
  const replace = (other) => {
    isReplaced.current = other !== text;
    setText(other);
  };

  const show = (record, words) => {
    setBase(record);
    replace(record.text);
    setTheirs(null);
    setFailure(null);
    setNote(words);
  };

  const type = (typed) => {
    setText(typed);
    setNote(null);
    if (failure) setFailure(stillWrong(failure, typed, source));
  };

  const save = async () => {
    if (isRunning.current) return;
    setNote(null);
    const found = check(text, source);
    if (found) return setFailure({ ...found, isNew: true });
    isRunning.current = true;
    setWorking(true);
    const result = await store(source, text, theirs ?? base);
    isRunning.current = false;
    if (result.saved) settle(name, text, result.saved);
    if (!isThere.current) return undefined;
    setWorking(false);
    const now = area.current.value;
    if (result.saved && now === text) {
      show(result.saved, { text: "Saved.", isGood: true });
    } else if (result.saved) {
      setBase(result.saved);
      setTheirs(null);
      setFailure(null);
      setNote({ text: "Saved, but not what you have typed since." });
    } else if (result.theirs) {
      const mine = formatted(now); // so that its lines can be compared
      setFailure(null);
      replace(mine);
      setTheirs({ ...result.theirs, mine });
    } else setFailure({ ...result.failure, isNew: true });
    return undefined;
  };

  const takeTheirs = () => {
    show(theirs, { text: "This is what is stored now.", back: text });
    area.current.focus();
  };

  const discard = () => {
    show(base, { text: "Your changes are gone.", back: text });
    area.current.focus();
  };

  const bringBack = () => {
    type(note.back);
    area.current.focus();
  };

  const goTo = (fault) => {
    const field = area.current;
    field.focus();
    field.setSelectionRange(fault.start, Math.max(fault.start, fault.end));
    field.closest(".code-area").querySelector("mark")?.scrollIntoView({ block: "center", inline: "nearest" });
  };

  const remove = async () => show(await source.remove(base.etag), { text: "Deleted.", back: base.text, isGood: true });

  const onSubmit = (event) => {
    event.preventDefault();
    save();
  };

  const onKeyDown = (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s") {
      event.preventDefault();
      save();
    }
  };

  return html`
    <form class="wide" novalidate aria-busy=${isWorking} onKeyDown=${onKeyDown} onSubmit=${onSubmit}>
      ${failure && html`<${Faults} id=${`${id}-faults`} ...${{ failure, text, goTo }} address=${`#${id}`} />`}
      ${theirs &&
      html`
        <${Notice} key=${theirs.etag} kind="warning" title="This has changed since you opened it" takesFocus>
          <p>
            Nothing was saved, and nothing is lost. Keep yours, which replaces what is stored. Or take what is stored. Or
            change yours until it has the best of both, and save that. Lines that differ are marked.
          </p>
        <//>
      `}
      <div class=${theirs ? "versions" : ""}>
        <div class="version">
          <label for=${id}>${theirs ? "Yours" : label}</label>
          ${hint && html`<p class="hint" id=${`${id}-hint`}>${hint}</p>`}
          <${CodeArea}
            field=${area}
            id=${id}
            text=${text}
            type=${type}
            marks=${changes ? lineMarks(text, changes[0]) : faults}
            isBad=${faults.length > 0}
            described=${[hint && `${id}-hint`, failure && `${id}-faults`].filter(Boolean).join(" ") || undefined}
          />
        </div>
        ${theirs &&
        html`
          <div class="version">
            <label for=${`${id}-theirs`}>Stored now</label>
            ${theirs.etag
              ? theirs.saved && html`<p class="hint">Saved <${Time} at=${theirs.saved} /></p>`
              : html`<p class="hint">It has been deleted.</p>`}
            <${CodeArea} id=${`${id}-theirs`} text=${theirs.text} marks=${lineMarks(theirs.text, changes[1])} />
          </div>
        `}
      </div>
      <div class="buttons">
        <button class="button main" aria-disabled=${isWorking} aria-keyshortcuts="Control+S">
          ${isLate ? "Saving…" : theirs ? (isMerged ? "Save merged" : "Keep mine") : "Save"}
        </button>
        ${theirs && html`<button type="button" class="button" onClick=${takeTheirs}>Take theirs</button>`}
        ${!theirs &&
        isChanged &&
        html`<button type="button" class="button" onClick=${discard}>Discard changes</button>`}
        ${!theirs &&
        !isChanged &&
        source.remove &&
        base.etag &&
        html`<button type="button" class="button danger" onClick=${() => setRemoving(true)}>${removal.button}</button>`}
        <span class=${note?.isGood ? "done" : ""} role="status">${note?.text}</span>
        ${note?.back !== undefined &&
        html`<button type="button" class="button small" onClick=${bringBack}>Bring back mine</button>`}
      </div>
      <p class="hint">
        ${base.saved ? html`Last saved <${Time} at=${base.saved} />` : base.etag ? "" : "Nothing has been saved yet."}
      </p>
    </form>
    ${isRemoving &&
    html`
      <${Confirm}
        title=${removal.title}
        button=${removal.button}
        busy="Deleting…"
        word="delete"
        words=${{ "precondition-failed": "It has changed since you opened it. Cancel, and reload the page to see it." }}
        confirm=${remove}
        close=${() => setRemoving(false)}
      >
        <p>${removal.text}</p>
      <//>
    `}
  `;
}

/** What was `sent` is stored. What has been typed since, perhaps in another view of the record, stays a draft. */
function settle(name, sent, stored) {
  const draft = drafts.get(name);
  if (draft?.text === sent) drafts.delete(name);
  else if (draft) drafts.set(name, { ...draft, base: stored });
}

function formatted(text) {
  try {
    return format(parse(text));
  } catch {
    return text;
  }
}

const NO_FAULTS = [];
const FROM_BEFORE = { text: "These are your changes from before. They are not saved yet." };

function stay(event) {
  event.preventDefault();
}

/** Return the mistakes in a text, as a failure, or null. */
function check(text, source) {
  try {
    const root = parse(text);
    const reserved = root.members.filter(({ name }) => source.reserved.includes(name));
    if (!reserved.length) return null;
    return {
      faults: reserved.map(({ name, start, end }) => {
        return { start, end, message: `Roster sets “${name}” itself. Remove it.` };
      }),
    };
  } catch ({ message, start, end }) {
    return { faults: [{ message, start, end }] };
  }
}

/** After a key has been pressed: mistakes move, or are gone. What the API has said cannot be checked here. */
function stillWrong(failure, text, source) {
  return failure.problem ? { ...failure, faults: NO_FAULTS } : check(text, source);
}

/** Somebody who saves the same again and again cannot keep another one from it for longer. */
const ROUNDS = 3;

/** Store a text in place of `base`. Returns `saved`, `theirs` (another version is stored) or `failure`. */
async function store(source, text, base, round = 1) {
  try {
    try {
      return { saved: await source.write(text, base.etag) };
    } catch (problem) {
      if (problem.slug !== "precondition-failed") throw problem;
    }
    const theirs = await source.read();
    if (theirs.text === format(parse(text))) return { saved: theirs }; // an earlier attempt, whose response was lost
    if (theirs.text !== base.text || !theirs.etag || !base.etag || round === ROUNDS) return { theirs };
    return store(source, text, theirs, round + 1); // somebody has saved what was there before
  } catch (problem) {
    return { failure: asFailure(problem, text) };
  }
}

function asFailure(problem, text) {
  if (!(problem instanceof Problem)) console.error(problem);
  const root = parse(text);
  const faults = (problem.errors ?? []).map(({ pointer, detail }) => ({
    ...locate(root, String(pointer)),
    message: named(String(pointer), String(detail)),
  }));
  return { faults, said: faults, problem };
}

/** Return what the API says about a value, with its name. */
function named(pointer, detail) {
  const name = pointer.split("/").at(-1).replaceAll("~1", "/").replaceAll("~0", "~");
  return name ? `${detail} (“${name}”)` : detail;
}

const WORDS = { "too-large": "A record can have at most 350 KB. Nothing was saved." };

/** What is wrong: with a link to each place in the text. */
function Faults({ id, failure, text, goTo, address }) {
  const place = useRef();
  useEffect(() => {
    if (failure.isNew) place.current.focus();
  }, [failure]);
  const { faults, said, problem } = failure;
  return html`
    <div class="notice problem" id=${id} role="alert" tabindex="-1" ref=${place}>
      <p class="notice-title">${faults.length || said?.length ? "This can’t be saved yet" : sentence(problem, WORDS)}</p>
      ${(faults.length > 0 || said?.length > 0) &&
      html`
        <ul>
          ${faults.map((fault) => {
            const { line, column } = position(text, fault.start);
            const go = (event) => (event.preventDefault(), goTo(fault));
            return html`
              <li><a href=${address} onClick=${go}>Line ${line}, column ${column}</a>: <${Text} of=${fault.message} /></li>
            `;
          })}
          ${!faults.length && said.map((fault) => html`<li><${Text} of=${fault.message} /></li>`)}
        </ul>
      `}
      ${problem && html`<${Details} problem=${problem} />`}
    </div>
  `;
}

/**
 * A text area with line numbers and marks. It is as large as its text, and the frame around it scrolls, so that numbers
 * and marks always stand beside and behind their lines. Without `type`, it can only be read.
 */
function CodeArea({ field, id, text, type, marks, isBad, described }) {
  const count = text.split("\n").length;
  return html`
    <div class=${isBad ? "code-area bad" : "code-area"}>
      <${Numbers} count=${count} bad=${isBad ? marks.map(({ start }) => position(text, start).line) : NO_FAULTS} />
      <div class="code-text">
        <pre class="code-marks" aria-hidden="true">${marked(text, marks)}${"\n"}</pre>
        <textarea
          ref=${field}
          id=${id}
          value=${text}
          wrap="off"
          spellcheck=${false}
          autocapitalize="none"
          autocomplete="off"
          autocorrect="off"
          readonly=${!type}
          aria-invalid=${isBad ? "true" : undefined}
          aria-describedby=${described}
          onInput=${(event) => type?.(event.target.value)}
        />
      </div>
    </div>
  `;
}

function Numbers({ count, bad }) {
  const isBad = new Set(bad);
  const parts = [];
  let plain = "";
  for (let line = 1; line <= count; line += 1) {
    if (isBad.has(line)) {
      parts.push(plain, html`<b>${line}</b>`);
      plain = "\n";
    } else plain += `${line}\n`;
  }
  return html`<pre class="code-numbers" aria-hidden="true">${parts}${plain}</pre>`;
}

/** Return a text in which some places are marked. */
function marked(text, marks) {
  const parts = [];
  let at = 0;
  for (const { start, end } of [...marks].sort((one, other) => one.start - other.start)) {
    if (start < at) continue;
    parts.push(text.slice(at, start), html`<mark>${text.slice(start, end) || " "}</mark>`);
    at = Math.max(start, end);
  }
  return [...parts, text.slice(at)];
}

function lineMarks(text, lines) {
  const marks = [];
  let start = 0;
  text.split("\n").forEach((line, index) => {
    if (lines.has(index)) marks.push({ start, end: start + line.length });
    start += line.length + 1;
  });
  return marks;
}
