/**
 * The JSON records that people edit: a user's record, and one's own profile. `JsonRecord` (json-editor.js) shows them.
 *
 * A source has `id` (the same for the same record), `reserved` (names that Roster sets itself), `read`, `write` and,
 * if the record can be deleted, `remove`. What is read and written is `{ text, etag, saved }`: JSON without the reserved
 * members, formatted, and when it was last saved. There is no `etag` if there is no record yet.
 */
import { call } from "./session.js";
import { format, member, parse, without } from "./json-text.js";

const SET_BY_SERVICE = ["userid", "timestamp"];

const NONE = { text: "{}", etag: null, saved: null };

/** The record of a user: one's own, or for administrators anybody's. */
export function userRecord(userid) {
  const path = `/users/${encodeURIComponent(userid)}`;
  return {
    id: path,
    reserved: SET_BY_SERVICE,
    read: async () => shownUser(await call("GET", path)),
    write: async (text, etag) => shownUser(await call("PUT", path, { body: text, ...only(etag) })),
  };
}

/** One's own profile. */
export const ownProfile = {
  id: "/user/profile",
  reserved: [],
  read: async () => {
    try {
      return shownProfile(await call("GET", "/user/profile", { as: "id" }));
    } catch (problem) {
      if (problem.slug === "not-found") return NONE;
      throw problem;
    }
  },
  write: async (text, etag) =>
    shownProfile(await call("POST", "/user/profile", { as: "id", body: text, ...only(etag) })),
  remove: async (etag) => {
    await call("DELETE", "/user/profile", { as: "id", ifMatch: etag });
    return NONE;
  },
};

/** The condition of a write: that the record is still the one that was read, or that there is still none. */
function only(etag) {
  return etag ? { ifMatch: etag } : { ifNoneMatch: "*" };
}

function shownUser({ text, etag, data }) {
  if (!etag) return NONE;
  return { text: format(without(parse(text), SET_BY_SERVICE)), etag, saved: data.timestamp };
}

function shownProfile({ text, etag, data }) {
  return { text: format(member(parse(text, 1), "profile_data")), etag, saved: data.timestamp };
}
