/**
 * The views: what each shows and what its main button does.
 *
 * `when` chooses the markup, `values` the words, `enter` fills in what a template cannot
 * know, `submit` does the work.
 */

import * as api from '../../js/api.js';
import { check } from '../../js/code.js';
import { dateText } from '../../js/i18n.js';
import { byId, plain, say, spoken } from '../../js/page.js';
import { FieldErrors } from '../../js/screens.js';
import { element, factOf, name, rowOf, statusKey, statusMark, tableWith, timeOf, verbatim } from './parts.js';
import { STATUSES, addressOf, referenceIn } from './routes.js';
import * as service from './service.js';
import {
  actorWords,
  eventWords,
  identityCheckKey,
  languageName,
  momentText,
  numberText,
  spelled,
} from './words.js';

const LEAST_REASON_CHARACTERS = 10;
const MOST_REASON_CHARACTERS = 500;
const MOST_TICKET_CHARACTERS = 60;

function requireNoErrors(errors) {
  const found = errors.filter(Boolean);
  if (found.length > 0) throw new FieldErrors(found);
}

/** Let the element *id* lead to *route*, where the view has it. */
function leadTo(id, route) {
  const link = byId(id);
  if (link !== null) link.href = addressOf(route);
}

/** Return *time* as a time element that says day and time of day. */
const momentOf = (time, { language }) => timeOf(time, (moment) => momentText(language(), moment));
const dayOf = (time, { language }) => timeOf(time, (day) => dateText(language(), api.asLocal(day)));

/* The list */

/** What is said of a reference that leads to nobody, by the answer. */
const MISSED = { not_found: 'users.none.reference', search_unfinished: 'problem.search_unfinished' };

const USER_COLUMNS = ['users.column.name', 'users.column.status', 'users.column.since'];

function searchWords({ status, search }, key) {
  const kind = [status === null ? null : 'status', search === '' ? null : 'search'].filter(Boolean);
  const which = kind.length === 2 ? 'both' : kind[0];
  const values = { status: () => plain(statusKey(status)), search: name(search) };
  return { key: which === undefined ? key : `${key}.${which}`, values };
}

/** Return how many there are of *kind*, in words: of very many, that they are more than were counted. */
function countText(counts, kind, language) {
  const number = numberText(language, counts[kind]);
  return counts.more_than.includes(kind) ? plain('count.more_than', { number }) : number;
}

/** Say how many there are, as far as that is known. */
export function fillCounts(list, at) {
  const { counts, language } = at;
  if (counts !== null) {
    const said = (kind) => () => countText(counts, kind, language());
    say(byId('counts'), 'users.counts', { enrolled: said('enrolled'), total: said('total'), disabled: said('disabled') });
  }
  fillFilter(list, at);
}

function fillFilter({ status: chosen }, { counts, language }) {
  const focused = document.activeElement?.closest('#filter a')?.getAttribute('href') ?? null;
  const chips = [null, ...STATUSES].map((status) => {
    const word = status === null ? 'filter.all' : statusKey(status);
    const chip = document.createElement('a');
    chip.className = 'chip';
    chip.href = addressOf({ view: 'users', status });
    chip.dataset.action = 'go';
    if (status === chosen) chip.setAttribute('aria-current', 'true');
    if (status !== null) chip.append(statusMark(status).firstChild, ' ');
    chip.append(
      counts === null
        ? spoken('span', word)
        : spoken('span', 'filter.count', {
            status: () => plain(word),
            count: () => countText(counts, status ?? 'total', language()),
          }),
    );
    return chip;
  });
  byId('filter').replaceChildren(...chips);
  if (focused !== null) chips.find((chip) => chip.getAttribute('href') === focused)?.focus();
}

function userRow(user, at) {
  const link = document.createElement('a');
  link.href = addressOf({ view: 'user', id: user.id });
  link.dataset.action = 'go';
  link.translate = false;
  link.textContent = user.username;
  const cell = element('div', null, link);
  if (user.portal_user !== null && user.portal_user !== user.username) {
    const portal = spoken('div', 'users.portal_user', { id: () => verbatim(user.portal_user) });
    portal.className = 'aside';
    cell.append(portal);
  }
  return rowOf(USER_COLUMNS, [cell, statusMark(user.status), dayOf(user.created_at, at)]);
}

/** Say above the table how much of the list it shows, and offer the rest. */
function fillEnd({ users, next }, { language }) {
  say(byId('shown'), next === null ? 'users.shown' : 'users.more_there', {
    shown: () => numberText(language(), users.length),
  });
  byId('more').hidden = next === null;
}

/** Show *list*, and return the text that says how much it shows. */
export function fillList(list, at) {
  fillCounts(list, at);
  if (list.users.length === 0) {
    const { key, values } = list.missed === null ? searchWords(list, 'users.none') : { key: MISSED[list.missed], values: { search: name(list.search) } };
    const nothing = spoken('p', key, values);
    nothing.className = 'note';
    const parts = [nothing];
    if (key !== 'users.none') parts.push(element('div', 'actions', actionButton('show-all', 'action.show_all')));
    byId('result').replaceChildren(...parts);
    return nothing.textContent;
  }
  const { key, values } = searchWords(list, 'users.caption');
  const shown = document.createElement('span');
  shown.id = 'shown';
  shown.className = 'aside';
  const table = tableWith([spoken('span', key, values), ' ', shown], USER_COLUMNS);
  table.className = 'users';
  table.tBodies[0].append(...list.users.map((user) => userRow(user, at)));
  const more = element('div', 'actions', actionButton('more', 'action.more'));
  more.id = 'more';
  byId('result').replaceChildren(table, more);
  fillEnd(list, at);
  return byId('shown').textContent;
}

/** Add the users from *from* on to the table, move to the first of them, and return what to say. */
export function extendList(list, from, at) {
  const rows = list.users.slice(from).map((user) => userRow(user, at));
  document.querySelector('table.users').tBodies[0].append(...rows);
  fillEnd(list, at);
  rows[0]?.querySelector('a').focus();
  return byId('shown').textContent;
}

function actionButton(action, key) {
  const button = spoken('button', key);
  button.type = 'button';
  button.dataset.action = action;
  return button;
}

/* One user */

const AUTHENTICATOR_COLUMNS = [
  'authenticators.column.name',
  'authenticators.column.since',
  'authenticators.column.used',
];

const isPast = (time) => Date.parse(time) <= api.serverNow();

/** Return why the user has to wait, as a text key with its values, or null. What is disabled does not open by waiting. */
function waitOf(detail, { language, whenText }) {
  const { second_factor: factor, waiting_until: waitingUntil, month_cap_reached: isCapReached } = detail;
  if (factor === 'disabled') return null;
  if (isCapReached) return { key: 'situation.month_cap', values: {} };
  if (waitingUntil === null || isPast(waitingUntil)) return null;
  return { key: 'situation.waiting', values: { when: () => whenText(language(), waitingUntil) } };
}

/** Return what there is to say of the user's present situation: text keys with their values. */
function situationOf(detail, at) {
  const { user, reset } = detail;
  const { language } = at;
  const status = detail.second_factor === 'disabled' ? 'disabled' : user.status;
  const told = [{ key: STATUSES.includes(status) ? `situation.${status}` : 'situation.unknown', values: {} }];
  const wait = waitOf(detail, at);
  if (wait !== null) told.push(wait);
  if (reset !== null) {
    const state = isPast(reset.expires_at) ? 'expired' : isPast(reset.opens_at) ? 'open' : 'opens';
    told.push({
      key: `situation.reset_${state}`,
      values: {
        opens: () => momentText(language(), reset.opens_at),
        expires: () => momentText(language(), reset.expires_at),
      },
    });
  }
  return told;
}

function fillSituation(detail, at) {
  const status = detail.second_factor === 'disabled' ? 'disabled' : detail.user.status;
  const [first, ...others] = situationOf(detail, at).map(({ key, values }) => spoken('p', key, values));
  for (const other of others) other.className = 'note';
  byId('situation').replaceChildren(element('p', 'lead', statusMark(status)), first, ...others);
}

function fillAuthenticators({ authenticators }, at) {
  if (authenticators.length === 0) {
    byId('authenticators').replaceChildren(spoken('p', 'authenticators.none'));
    return;
  }
  const table = tableWith([spoken('span', 'authenticators.heading')], AUTHENTICATOR_COLUMNS);
  table.caption.className = 'unseen';
  table.tBodies[0].append(
    ...authenticators.map((entry) =>
      rowOf(AUTHENTICATOR_COLUMNS, [
        verbatim(entry.name),
        dayOf(entry.bound_at, at),
        entry.last_used_at === null ? spoken('span', 'authenticators.never') : momentOf(entry.last_used_at, at),
      ]),
    ),
  );
  byId('authenticators').replaceChildren(table);
}

/** Return how many recovery codes *detail* tells of, or that none of them works any more. */
function codesLeft({ recovery_codes_left: left, recovery_codes_disabled: areDisabled }) {
  if (areDisabled) return spoken('span', 'facts.recovery_codes_disabled');
  return left === null ? spoken('span', 'facts.no_recovery_codes') : String(left);
}

function fillFacts(detail, at) {
  const { user } = detail;
  const addresses = user.addresses.map(verbatim).flatMap((address) => [address, document.createElement('br')]);
  const facts = [
    factOf('facts.addresses', ...(addresses.length > 0 ? addresses.slice(0, -1) : [spoken('span', 'facts.no_addresses')])),
    factOf('facts.created_at', dayOf(user.created_at, at)),
    factOf('facts.recovery_codes', codesLeft(detail)),
    factOf('facts.remembered_browsers', String(detail.remembered_browsers)),
  ];
  if (user.language !== null) {
    const language = spoken('span', 'text', { text: () => languageName(at.language(), user.language) });
    facts.splice(1, 0, factOf('facts.language', language));
  }
  if (user.portal_user !== null && user.portal_user !== user.username) {
    facts.unshift(factOf('facts.portal_user', verbatim(user.portal_user)));
  }
  byId('facts').replaceChildren(...facts);
}

/** Return what the details of *event* say besides, as paragraphs. */
function detailsOf({ details }) {
  const told = [];
  if (details?.identity_check) {
    told.push(spoken('p', 'events.check', { check: () => plain(identityCheckKey(details.identity_check)) }));
  }
  if (details?.reason) told.push(spoken('p', 'events.reason', { reason: () => verbatim(details.reason) }));
  if (details?.ticket) told.push(spoken('p', 'events.ticket', { ticket: () => verbatim(details.ticket) }));
  for (const paragraph of told) paragraph.className = 'aside';
  return told;
}

/** Return what stands between the parts of a line. */
const dot = () => element('span', 'dot', ' · ');

function eventItem(event, at) {
  const { key, values } = eventWords(event);
  const what = spoken('p', key, values);
  what.className = 'what';
  const when = element('p', 'aside when', momentOf(event.occurred_at, at));
  const actor = actorWords(event);
  if (actor !== null) {
    const { name: actorName } = actor.values;
    const by = spoken('span', actor.key, actorName === undefined ? {} : { name: () => verbatim(actorName) });
    when.append(dot(), by);
  }
  const { source } = event;
  if (source) when.append(dot(), spoken('span', 'events.source', { source: () => verbatim(source) }));
  return element('li', null, what, when, ...detailsOf(event));
}

function fillEvents({ events }, at) {
  if (events.length === 0) {
    byId('events').replaceChildren(spoken('p', 'events.none'));
    return;
  }
  byId('events').replaceChildren(element('ol', 'events', ...events.map((event) => eventItem(event, at))));
}

/** Tell whether there is anything of *detail* that a reset would take away. */
function canReset({ second_factor: factor, user }) {
  return factor !== 'none' || user.status === 'reset';
}

/* What is written about a reset or an unlocking */

function fillDraft(draft) {
  if (draft === null) return;
  byId('reason').value = draft.reason;
  byId('ticket').value = draft.ticket;
  const chosen = draft.identity_check && byId(`check-${draft.identity_check}`);
  if (chosen) chosen.checked = true;
}

function writtenReason() {
  return { reason: byId('reason').value.trim(), ticket: byId('ticket').value.trim() };
}

const lengthOf = (text) => [...text].length;

function errorsInReason({ reason, ticket }) {
  const wrong = (field, key) => ({ field, key });
  return [
    reason === ''
      ? wrong('reason', 'reason.empty')
      : lengthOf(reason) < LEAST_REASON_CHARACTERS
        ? wrong('reason', 'reason.short')
        : lengthOf(reason) > MOST_REASON_CHARACTERS && wrong('reason', 'reason.long'),
    ticket === ''
      ? wrong('ticket', 'ticket.empty')
      : lengthOf(ticket) > MOST_TICKET_CHARACTERS && wrong('ticket', 'ticket.long'),
  ];
}

export const VIEWS = {
  'sign-in': {
    when: ({ session, hasEnded }) => ({ ended: hasEnded, not_staff: session !== null }),
    values: ({ session }) => ({ username: name(session?.username ?? '') }),
    async submit({ tenant, adopt, hidePassword }) {
      hidePassword();
      const username = byId('username').value.trim();
      const password = byId('current-password').value;
      requireNoErrors([
        username === '' && { field: 'username', key: 'username.empty' },
        password === '' && { field: 'current-password', key: 'password.empty' },
      ]);
      return adopt(await service.signIn({ tenant: tenant.id, username, password }));
    },
  },

  'set-up': {},
  'own-disabled': {},

  code: {
    when: ({ intent, session }) => ({
      step_up: intent !== null,
      reset: intent === 'reset',
      unlock: intent === 'unlock',
      sign_in: intent === null && !session.wasVerified,
      again: intent === null && session.wasVerified && session.verified_by !== 'recovery_code',
      recovered: intent === null && session.verified_by === 'recovery_code',
    }),
    values: ({ detail }) => ({ username: name(detail?.user.username ?? '') }),
    enter({ intent }) {
      say(byId('confirm'), intent === null ? 'action.confirm' : `action.confirm_${intent}`);
    },
    async submit({ adopt }) {
      const { otp, error } = check(byId('otp').value);
      requireNoErrors([error && { field: 'otp', key: `code.${error}` }]);
      return adopt(await service.verify(otp));
    },
  },

  users: {
    enter(at) {
      byId('search').value = at.list.search;
      fillList(at.list, at);
    },
    /** Return the user whom a reference leads to, or null once the list is to show what was searched for. */
    async submit({ searchFor }) {
      const typed = byId('search').value.trim();
      const reference = referenceIn(typed);
      if (reference === null) return searchFor(typed);
      try {
        return await service.user({ reference });
      } catch (problem) {
        if (!(problem.code in MISSED)) throw problem;
        return searchFor(typed, { missed: problem.code });
      }
    },
  },

  user: {
    when: ({ detail, isUnlocked }) => ({
      unlocked: isUnlocked,
      resettable: canReset(detail) && detail.reset === null,
      resettable_again: canReset(detail) && detail.reset !== null,
      // Whoever waits after wrong passwords need not have a second factor.
      unlockable: detail.second_factor !== 'disabled',
    }),
    enter(at) {
      const { detail } = at;
      const { id, username } = detail.user;
      byId('name').textContent = username;
      leadTo('to-reset', { view: 'reset', id });
      leadTo('to-unlock', { view: 'unlock', id });
      byId('to-unlock')?.classList.toggle('primary', waitOf(detail, at) !== null);
      byId('to-reset')?.classList.toggle('primary', detail.second_factor === 'disabled');
      fillSituation(detail, at);
      fillAuthenticators(detail, at);
      fillFacts(detail, at);
      fillEvents(detail, at);
    },
  },

  reset: {
    when: ({ detail }) => ({
      has_factor: detail.second_factor !== 'none',
      is_reset: detail.reset !== null,
      mail: detail.user.addresses.length > 0,
      no_mail: detail.user.addresses.length === 0,
    }),
    values: ({ detail: { user } }) => ({ username: name(user.username), addresses: () => verbatim(user.addresses.join(', ')) }),
    enter({ route, draft }) {
      leadTo('to-user', { view: 'user', id: route.id });
      leadTo('cancel', { view: 'user', id: route.id });
      fillDraft(draft);
    },
    written() {
      const identityCheck = document.querySelector('[name="identity-check"]:checked')?.value ?? null;
      return { identity_check: identityCheck, ...writtenReason() };
    },
    /** Fail on what the server would refuse. */
    check(written) {
      requireNoErrors([
        written.identity_check === null && { field: 'identity-check', key: 'identity_check.empty' },
        ...errorsInReason(written),
      ]);
    },
    send: (body) => service.reset(body),
  },

  unlock: {
    values: ({ detail: { user } }) => ({ username: name(user.username) }),
    enter({ route, draft }) {
      leadTo('to-user', { view: 'user', id: route.id });
      leadTo('cancel', { view: 'user', id: route.id });
      fillDraft(draft);
    },
    written: writtenReason,
    check: (written) => requireNoErrors(errorsInReason(written)),
    send: (body) => service.unlock(body),
  },

  'reset-done': {
    when: ({ granted }) => ({ opens_later: !isPast(granted.opens_at), opens_now: isPast(granted.opens_at) }),
    values: ({ detail, granted, language }) => {
      // The code itself is no value: only its element holds it, and what spells it reads it there.
      const { opens_at: opensAt, expires_at: expiresAt } = granted;
      return {
        username: name(detail.user.username),
        opens: () => momentText(language(), opensAt),
        expires: () => momentText(language(), expiresAt),
      };
    },
    enter({ granted }) {
      byId('reset-code').textContent = granted.reset_code;
      say(byId('spelled'), 'text', { text: () => spelled(byId('reset-code').textContent, plain('spelling')) });
    },
  },

  stopped: {
    when: ({ reason }) => ({
      retry: !['missing', 'tenant_suspended'].includes(reason),
      list: reason === 'missing',
    }),
    enter({ reason }) {
      const isNamed = ['missing', 'not_found', 'tenant_suspended'].includes(reason);
      say(byId('stopped-heading'), isNamed ? `stopped.${reason}` : 'stopped.fault');
      say(byId('stopped-text'), reason === 'missing' ? 'stopped.missing.text' : `problem.${reason}`);
    },
  },
};
