/** What has no room on the page as it is now, by kind: tests/static/looks.py asks for it in many windows. */
() => {
  const all = (query) => [...document.querySelectorAll(query)];
  const told = (element) => element.outerHTML.slice(0, 160);
  const wrong = {};
  const note = (kind, found) => {
    if (found.length > 0) wrong[kind] = found;
  };

  const { scrollWidth } = document.documentElement;
  note('sideways', scrollWidth > innerWidth ? [scrollWidth] : []);
  // Whatever is written in a field scrolls in it.
  const isWide = (element) => element.clientWidth > 1 && element.scrollWidth > element.clientWidth + 1;
  note('text beyond its box', all('body *:not(input, textarea, svg *)').filter(isWide).map(told));
  const isCut = (element) => element.clientHeight > 1 && element.scrollHeight > element.clientHeight + 1
    && getComputedStyle(element).overflowY !== 'visible';
  note('text cut off', all('body *:not(input, textarea, svg *)').filter(isCut).map(told));

  const area = document.querySelector('dialog[open]') ?? document.body;
  const kinds = 'a, button, summary, input:not([type=radio], [type=checkbox], .unseen), textarea, .choice';
  const controls = [...area.querySelectorAll(kinds)]
    .filter((element) => element.checkVisibility())
    // A link in a sentence may have a part on each of several lines.
    .flatMap((element) => [...element.getClientRects()].map((box) => [element, box]))
    .filter(([, { width, height }]) => width > 0 && height > 0);
  const overlap = ([one, a], [other, b]) =>
    !one.contains(other) && !other.contains(one)
    && a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1;
  note('controls over each other', controls.flatMap((one, at) =>
    controls.slice(at + 1).filter((other) => overlap(one, other)).map(([element]) => `${told(one[0])} over ${told(element)}`)));
  return wrong;
}
