/** What cannot be seen on the page as it is now, where the user's colours have taken the place of ours. */
() => {
  const told = (element) => element.outerHTML.slice(0, 160);
  const wrong = {};
  const note = (kind, found) => {
    if (found.length > 0) wrong[kind] = found.map(told);
  };
  const shown = (query) => [...document.querySelectorAll(query)].filter((element) => element.checkVisibility());
  const ground = getComputedStyle(document.body).backgroundColor;

  const shaped = 'button, .button, input:not([type=radio], [type=checkbox], .unseen), textarea, .choice, .chip,'
    + ' .summary, .card, .row, .codes, .code-card, .progress span';
  note('no edge', shown(shaped).filter((element) => {
    const { borderTopStyle, borderTopWidth, borderTopColor } = getComputedStyle(element);
    return borderTopStyle === 'none' || parseFloat(borderTopWidth) < 1 || borderTopColor === ground;
  }));
  note('no words', shown('body :is(a, button, p, h1, h2, h3, li, label, legend, summary, dt, dd, td, th)')
    .filter((element) => {
      const { color, backgroundColor } = getComputedStyle(element);
      const isClear = backgroundColor === 'rgba(0, 0, 0, 0)';
      return color === (isClear ? ground : backgroundColor);
    }));
  const reached = shown('.progress .reached').map((element) => getComputedStyle(element).backgroundColor);
  const ahead = shown('.progress span:not(.reached)').map((element) => getComputedStyle(element).backgroundColor);
  if (reached.some((colour) => ahead.includes(colour))) note('steps behind and ahead alike', shown('.progress'));
  note('a choice like the others', shown('.choice:has(:checked), .chip[aria-current]').filter((element) => {
    const { borderTopColor } = getComputedStyle(element);
    return shown('.choice:not(:has(:checked)), .chip:not([aria-current])')
      .some((other) => getComputedStyle(other).borderTopColor === borderTopColor);
  }));
  const drawn = { '#qr': 'backgroundColor', '#qr rect': 'fill', '#qr path': 'stroke' };
  note('a QR code in other colours', Object.entries(drawn).flatMap(([query, colour]) =>
    shown(query).filter((element) =>
      getComputedStyle(element)[colour] !== (colour === 'stroke' ? 'rgb(0, 0, 0)' : 'rgb(255, 255, 255)'))));
  return wrong;
}
