/** What several views are put together from: signs, tables, lists. */

import { say, spoken, strong } from '../../js/page.js';
import { STATUSES } from './routes.js';

const SVG = 'http://www.w3.org/2000/svg';

/** Return the text key of *status*. */
export function statusKey(status) {
  return STATUSES.includes(status) ? `factor.${status}` : 'factor.unknown';
}

/** Return *status* as a word with a sign of its own shape: colour alone says nothing. */
export function statusMark(status) {
  const mark = document.createElement('span');
  mark.className = 'status';
  mark.dataset.status = status;
  if (STATUSES.includes(status)) mark.append(signOf(status));
  mark.append(spoken('span', statusKey(status)));
  return mark;
}

function signOf(status) {
  const sign = document.createElementNS(SVG, 'svg');
  sign.setAttribute('class', 'sign');
  sign.setAttribute('aria-hidden', 'true');
  sign.setAttribute('focusable', 'false');
  const use = document.createElementNS(SVG, 'use');
  use.setAttribute('href', `#sign-${status}`);
  sign.append(use);
  return sign;
}

/** Return an element with *children*. */
export function element(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className !== null) made.className = className;
  made.append(...children);
  return made;
}

/**
 * Return an empty table with a caption and a heading for each column.
 *
 * On a narrow screen its rows are laid out as cards. Laid out so, browsers no longer take
 * it for a table: the roles tell them.
 *
 * @param {Node[]} caption
 * @param {string[]} columns text keys
 */
export function tableWith(caption, columns) {
  const head = element('tr', null, ...columns.map((key) => withRole(spoken('th', key), 'columnheader')));
  for (const heading of head.children) heading.scope = 'col';
  const table = element(
    'table',
    null,
    element('caption', null, ...caption),
    withRole(element('thead', null, withRole(head, 'row')), 'rowgroup'),
    withRole(document.createElement('tbody'), 'rowgroup'),
  );
  return withRole(table, 'table');
}

/**
 * Return a row whose first cell names it.
 *
 * @param {string[]} columns text keys, as the table has them
 * @param {Node[]} contents one for each column
 */
export function rowOf(columns, contents) {
  const cells = contents.map((content, at) => {
    const cell = withRole(element(at === 0 ? 'th' : 'td', null), at === 0 ? 'rowheader' : 'cell');
    if (at === 0) cell.scope = 'row';
    // Only the eye needs it, and only where the headings are gone.
    const label = element('span', 'label', spoken('span', columns[at]), ': ');
    label.setAttribute('aria-hidden', 'true');
    if (at > 0) cell.append(label);
    cell.append(content);
    return cell;
  });
  return withRole(element('tr', null, ...cells), 'row');
}

function withRole(made, role) {
  made.setAttribute('role', role);
  return made;
}

/** Return a term and what it is, for a `dl`. */
export function factOf(key, ...contents) {
  return element('div', null, spoken('dt', key), element('dd', null, ...contents));
}

/** Return *text*, set off from its sentence and left alone by page translators. */
export const name = (text) => () => strong(text);

/** Return an element for *text*, which is nobody's word to translate. */
export function verbatim(text) {
  const made = document.createElement('span');
  made.translate = false;
  made.textContent = text;
  return made;
}

/** Return a `time` element whose words *textOf* gives now and in every other language. */
export function timeOf(time, textOf) {
  const made = document.createElement('time');
  made.dateTime = time;
  say(made, 'text', { text: () => textOf(time) });
  return made;
}
