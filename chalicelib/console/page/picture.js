/**
 * What one's own and public pictures share: pages of them, a gallery, and a picture with an address that expires.
 */
import { html, useEffect, useRef, useState } from "./preact.js";
import { settings } from "./http.js";
import { Loading, ProblemNotice, Text, announce, clean } from "./components.js";

/** Pictures of one page. */
const LIMIT = 24;
/** Empty pages that are passed at once. A page of public pictures looks at 30 days, and may be empty. */
const MAX_EMPTY = 6;
/** Pages of 100 that are read again to renew addresses. */
const MAX_RENEWED = 10;
/** Pixels of a thumbnail's and a large picture's longer side. See chalicelib/media/images. */
const SIDES = { thumbnail: 256, display: 2048 };
/** An image that cannot be loaded gets a new address so often. */
const ATTEMPTS = 2;

/** Return what a picture is called, for `alt` and headings. */
export function title(item) {
  return clean(item.title).trim() || "Untitled picture";
}

/** Return a signed address if it is one of the bucket, or null. */
export function pictureAddress(text) {
  const url = URL.canParse(text) ? new URL(text) : null;
  return url && ["http:", "https:"].includes(url.protocol) && url.origin === settings.bucket ? url.href : null;
}

/**
 * The pages of a list: { items, hasMore, isLoading, problem, more, renew, add, put, remove }. `load(query)` requests a
 * page. `add` puts a new picture first, `put` replaces one that is shown.
 */
export function usePages(load) {
  const [state, setState] = useState({ items: null, next: `?limit=${LIMIT}`, isLoading: false, problem: null });
  const latest = useRef(state);
  const isThere = useRef(true);
  const renewing = useRef(null);
  const set = (changes) => {
    if (!isThere.current) return;
    latest.current = { ...latest.current, ...changes };
    setState(latest.current);
  };

  /** Add the next page, and return the first of what is new. */
  const more = async () => {
    if (latest.current.isLoading || !latest.current.next) return null;
    set({ isLoading: true, problem: null });
    try {
      const { found, next } = await someOf(load, latest.current.next);
      const known = new Set(latest.current.items?.map(({ mediaid }) => mediaid));
      const added = found.filter(({ mediaid }) => !known.has(mediaid));
      set({ items: [...(latest.current.items ?? []), ...added], next, isLoading: false });
      return added[0] ?? null;
    } catch (problem) {
      set({ isLoading: false, problem });
      return null;
    }
  };

  /** Get new addresses for all that is shown: they expire together. */
  const renew = () => {
    renewing.current ??= allOf(load, latest.current.items?.length ?? 0)
      .then((fresh) => set({ items: latest.current.items.map((item) => fresh.get(item.mediaid) ?? item) }))
      .catch(() => {})
      .finally(() => (renewing.current = null));
    return renewing.current;
  };

  const edit = (change) => latest.current.items && set({ items: change(latest.current.items) });
  const put = (item) => edit((items) => items.map((one) => (one.mediaid === item.mediaid ? item : one)));
  const remove = (gone) => edit((items) => items.filter(({ mediaid }) => mediaid !== gone));
  const add = (item) => edit((items) => [item, ...items.filter(({ mediaid }) => mediaid !== item.mediaid)]);

  useEffect(() => {
    more();
    return () => {
      isThere.current = false;
    };
  }, []);
  return { ...state, hasMore: Boolean(state.next), more, renew, add, put, remove };
}

/** Request pages until one has something. */
async function someOf(load, first) {
  let next = first;
  for (let pages = 0; pages < MAX_EMPTY; pages += 1) {
    const response = await load(next);
    next = response.next;
    if (response.data.length || !next) return { found: response.data, next };
  }
  return { found: [], next };
}

async function allOf(load, count) {
  const fresh = new Map();
  let next = "?limit=100";
  for (let pages = 0; pages < MAX_RENEWED && next && fresh.size < count; pages += 1) {
    const response = await load(next);
    for (const item of response.data) fresh.set(item.mediaid, item);
    next = response.next;
  }
  return fresh;
}

/** A picture. If it cannot be loaded, `renew` is to get new addresses for `item`. */
export function Picture({ item, kind, renew }) {
  const [attempt, setAttempt] = useState(0);
  const isThere = useRef(true);
  useEffect(() => {
    const again = () => setAttempt(0);
    addEventListener("online", again);
    return () => {
      isThere.current = false;
      removeEventListener("online", again);
    };
  }, []);
  const address = pictureAddress(item[`${kind}_url`]);
  const failed = async () => {
    await renew();
    if (isThere.current) setAttempt(attempt + 1);
  };
  if (!address || attempt > ATTEMPTS) {
    return html`<${NoPicture} item=${item}>This picture can’t be loaded now.<//>`;
  }
  const [width, height] = fitted(item, SIDES[kind]);
  return html`
    <img
      key=${`${attempt} ${address}`}
      class=${`picture ${kind}`}
      src=${address}
      alt=${title(item)}
      width=${width}
      height=${height}
      loading=${kind === "thumbnail" ? "lazy" : "eager"}
      decoding="async"
      referrerpolicy="no-referrer"
      onError=${failed}
    />
  `;
}

function NoPicture({ item, children }) {
  return html`<span class="no-picture"><span class="visually-hidden">${title(item)}: </span>${children}</span>`;
}

function fitted({ width, height }, side) {
  const scale = Math.min(1, side / Math.max(width || side, height || side));
  return [Math.max(1, Math.round((width || side) * scale)), Math.max(1, Math.round((height || side) * scale))];
}

/** The gallery with "Show more". `address(item)` is where a picture leads, `children(item)` what is said below it. */
export function Gallery({ pages, items, address, children }) {
  const list = useRef();
  const showMore = async () => {
    const first = await pages.more();
    announce(first ? "More pictures are shown." : "No more pictures were found yet.");
    const shown = list.current.querySelectorAll("a");
    const next = first && [...shown].find((card) => card.dataset.picture === first.mediaid);
    (next ?? shown[shown.length - 1])?.focus(); // the button may be gone
  };
  return html`
    <ul class="gallery" ref=${list} hidden=${!items.length}>
      ${items.map(
        (item) => html`
          <li key=${item.mediaid}>
            <a class="card" href=${address(item)} data-picture=${item.mediaid}>
              <span class="card-picture">
                ${!item.status || item.status === "ready"
                  ? html`<${Picture} item=${item} kind="thumbnail" renew=${pages.renew} />`
                  : html`<${NoPicture} item=${item}>${statusOf(item)}<//>`}
              </span>
              <span class="card-title" aria-hidden="true"><${Text} of=${title(item)} /></span>
            </a>
            <p class="card-words">${children(item)}</p>
          </li>
        `,
      )}
    </ul>
    ${pages.problem && html`<${ProblemNotice} problem=${pages.problem} retry=${showMore} />`}
    ${pages.isLoading && html`<${Loading}>Loading pictures…<//>`}
    ${pages.hasMore &&
    !pages.problem &&
    html`
      <p>
        <button type="button" class="button" aria-disabled=${pages.isLoading} onClick=${showMore}>Show more</button>
      </p>
    `}
  `;
}

const REASONS = {
  "not-an-image": "This is not a JPEG, PNG, WebP or GIF picture.",
  "type-mismatch": "Its content is of another type than the picture that was announced. Upload it again.",
  "too-many-pixels": "It has more than 50 megapixels. Make it smaller, then upload it again.",
  "damaged": "The file is damaged. Open it and save it again, or choose another copy.",
  "too-large": "It is larger than 10 MB. Make it smaller, then add it again.",
  "empty": "The file is empty.",
  "unreadable": "The file can’t be read. If it is a folder, choose the pictures in it.",
};

/** Return why a picture was not accepted, as a sentence. */
export function reasonOf({ reason }) {
  return REASONS[reason] ?? "It was not accepted.";
}

/** Return what to say in place of a picture that is not ready. */
export function statusOf(item) {
  if (item.status === "rejected") return `Not accepted. ${reasonOf(item)}`;
  return item.status === "processing" ? "It is being processed." : "Its file has not arrived yet.";
}
