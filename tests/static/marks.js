/**
 * The names of what templates hold that can be read: `key if condition` of a text, `#id if condition` of a part.
 *
 * Of the templates in *markup*; or, where that is null, of the screen and the dialog that are seen now.
 */
(markup) => {
  const roots = markup === null
    ? [...document.querySelectorAll('main, dialog[open]')]
    : [...new DOMParser().parseFromString(markup, 'text/html').querySelectorAll('template')].map(({ content }) => content);
  const isThere = (element) => markup !== null || element.checkVisibility({ visibilityProperty: true });
  const marksOf = (element) => {
    // Rows have templates of their own, which know nothing of what they are put into.
    const when = element.closest('[data-when], .row')?.dataset.when;
    const condition = when === undefined ? '' : ` if ${when}`;
    return [element.dataset.t, element.dataset.when && element.id && `#${element.id}`]
      .filter(Boolean).map((name) => name + condition);
  };
  // What is only on paper is looked for there.
  const marked = roots.flatMap((root) => [...root.querySelectorAll('[data-t], [data-when]')])
    .filter((element) => isThere(element) && !element.matches('.print-only'));
  return [...new Set(marked.flatMap(marksOf))].sort();
}
