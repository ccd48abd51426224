/**
 * What is wrong with the page as it is now, by kind: tests/static/looks.py asks for it in every state.
 *
 * @param {{secrets: string[], offered: string[]}} expected what no name may say, and the languages of the tenant
 */
({ secrets, offered }) => {
  /** What each field says of itself to browsers and password managers; the rest is nobody's business. */
  const PURPOSES = {
    username: 'username',
    'signed-in-as': 'username',
    'current-password': 'current-password',
    otp: 'one-time-code',
  };
  const SMALLEST_BUTTON = 44;
  const SMALLEST_LINK = 24;
  const SMALLEST_TEXT = 18;

  const all = (query) => [...document.querySelectorAll(query)];
  const isShown = (element) => element.checkVisibility({ visibilityProperty: true });
  const told = (element) => element.outerHTML.slice(0, 160);
  const wrong = {};
  /** Note what of *found* there is, unless there is nothing. */
  const note = (kind, found) => {
    if (found.length > 0) wrong[kind] = found;
  };

  const ids = all('[id]').map(({ id }) => id);
  note('ids that are there twice', ids.filter((id, at) => ids.indexOf(id) !== at));
  const references = ['for', 'aria-describedby', 'aria-labelledby', 'aria-controls'].flatMap((name) =>
    all(`[${name}]`).flatMap((element) => element.getAttribute(name).split(' ')));
  const targets = all('.summary a').map((link) => link.hash.slice(1));
  note('references to nothing', [...references, ...targets].filter((id) => document.getElementById(id) === null));

  const levels = all('h1, h2, h3, h4, h5, h6').filter(isShown).map(({ tagName }) => Number(tagName[1]));
  note('first headings', levels.filter((level) => level === 1).slice(1));
  if (!levels.includes(1)) note('first headings', ['none']);
  note('headings that skip a level', levels.filter((level, at) => at > 0 && level > levels[at - 1] + 1));
  const frame = [...document.body.children].map(({ tagName }) => tagName)
    .filter((name) => ['HEADER', 'MAIN', 'FOOTER'].includes(name)).join(' ');
  // Support stands in the last of them: at the same place everywhere (3.2.6).
  note('landmarks', frame === 'HEADER MAIN FOOTER' ? [] : [frame]);
  note('live regions', all('[role=status], [aria-live], output').slice(1).map(told));
  note('alerts', all('[role=alert], [role=alertdialog]').slice(1).map(told));

  note('what may not be', all(
    '[disabled], [autofocus], [required], [maxlength], [onpaste], select, [accesskey], body [style],'
    + ' [tabindex]:not([tabindex="-1"]), meta[http-equiv=refresh]').map(told));
  note('silent texts', all('[data-t]').filter((element) => element.textContent === '' && !element.closest('[hidden]'))
    .map(({ dataset }) => dataset.t));

  const fields = all('input:not([type=radio], [type=checkbox]), textarea');
  note('purposes', fields.filter((field) => field.autocomplete !== (PURPOSES[field.id] ?? 'off')).map(told));
  note('fields without a label', all('input, textarea')
    .filter((field) => field.labels.length === 0 && field.ariaHidden !== 'true').map(told));

  const named = all('[aria-label], [title], [alt], [placeholder], svg title, svg desc, label, button')
    .map((element) => ['aria-label', 'title', 'alt', 'placeholder'].map((name) => element.getAttribute(name)).join(' ')
      + element.textContent);
  const names = [...named, document.title].map((name) => name.replaceAll(' ', ''));
  note('secrets in names', secrets.filter((secret) => names.some((name) => name.includes(secret))));

  const language = document.documentElement.lang;
  const links = all('#languages a').map(({ lang, hreflang }) => `${lang} ${hreflang}`);
  const others = offered.filter((other) => other !== language).map((other) => `${other} ${other}`);
  note('links to languages', links.join() === others.join() ? [] : links);
  note('words of another language', all('[lang]').filter(({ lang }) => lang !== language)
    // A code goes on being spelled in the language in which it was begun.
    .filter((element) => element.closest('#languages, #spelled') === null).map(told));

  const touched = all(
    'main :is(button, .button, input:not(.unseen), textarea, summary), dialog button, .chip, .who button');
  note('what is too small to touch', touched.filter((element) => {
    const { height } = (element.closest('label') ?? element).getBoundingClientRect();
    return height > 0 && height < SMALLEST_BUTTON;
  }).map(told));
  /** Links within a sentence are as high as its lines: 2.5.8 leaves them so. */
  const isInSentence = (link) => [...link.parentElement.childNodes].some(
    (node) => node.nodeType === Node.TEXT_NODE && node.textContent.trim() !== '');
  note('links that are too small to touch', all('a').filter((link) => {
    const { height } = link.getBoundingClientRect();
    return height > 0 && height < SMALLEST_LINK && !isInSentence(link);
  }).map(told));

  /** Tell whether *element* is to be read by itself, not only what is in it. */
  const isText = (element) => fields.includes(element)
    || [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent.trim() !== '');
  note('what is too small to read', all('body *').filter((element) =>
    isText(element) && isShown(element) && parseFloat(getComputedStyle(element).fontSize) < SMALLEST_TEXT).map(told));

  note('what stands still while the page moves', all('body *').filter((element) => !element.matches('dialog, dialog *'))
    .filter((element) => ['fixed', 'sticky'].includes(getComputedStyle(element).position)).map(told));
  return wrong;
}
