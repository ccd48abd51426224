/** Addresses within the page, and which view a member of the help desk gets to see. Pure. */

/** What a user's second factor can be, in the order of the filter. */
export const STATUSES = ['not_enrolled', 'begun', 'enrolled', 'disabled', 'reset'];

/**
 * What the address asks for.
 * @typedef {{view: 'users', status: ?string}|{view: 'user'|'reset'|'unlock', id: string}} Route
 */

const ID = /^[A-Za-z0-9_-]{1,64}$/;
const ABOUT_USER = ['reset', 'unlock'];

/**
 * Return what *hash* asks for; what nobody knows is the list.
 * @param {string} hash as in `location.hash`
 * @returns {Route}
 */
export function routeOf(hash) {
  const [place, first = '', second] = hash.replace(/^#/, '').split('/');
  if (place === 'user' && ID.test(first)) {
    return { view: ABOUT_USER.includes(second) ? second : 'user', id: first };
  }
  return { view: 'users', status: place === 'users' && STATUSES.includes(first) ? first : null };
}

/**
 * Return the address of *route*, as in `location.hash`.
 * @param {Route} route
 */
export function addressOf({ view, status = null, id }) {
  if (view === 'users') return status === null ? '#users' : `#users/${status}`;
  return view === 'user' ? `#user/${id}` : `#user/${id}/${view}`;
}

/**
 * Return the view for somebody whose session is *session* and who wants *wanted*.
 *
 * @param {?object} session as the API states it; null for nobody
 * @param {string} wanted
 */
export function viewFor(session, wanted) {
  if (session === null || session.role !== 'help_desk') return 'sign-in';
  if (session.second_factor === 'none') return 'set-up';
  if (session.second_factor === 'disabled') return 'own-disabled';
  // A recovery code is none: it leads to a new phone first.
  return session.verified && session.verified_by === 'code' ? wanted : 'code';
}

/** Return the reference that *typed* is, as users read it from the foot of their page, or null. */
export function referenceIn(typed) {
  const plain = typed.replace(/\s/g, '').toLowerCase();
  return /^[0-9a-f]{8}$/.test(plain) ? plain : null;
}
