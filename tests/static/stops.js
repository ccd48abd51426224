/**
 * Watches where Tab leads: `window.stops()` tells what is wrong with the way so far, by kind.
 *
 * Returns how many stops there have to be until everything was reached once.
 */
() => {
  const SHAPE_CONTRAST = 3;
  const told = (element) => element.outerHTML.slice(0, 160);
  const area = document.querySelector('dialog[open]') ?? document.body;
  /** Of radio buttons that belong together Tab reaches one: the chosen one, or the first. */
  const isReached = (element) => {
    if (element.type !== 'radio') return true;
    const group = [...area.querySelectorAll(`[type=radio][name="${element.name}"]`)];
    return element === (group.find(({ checked }) => checked) ?? group[0]);
  };
  const expected = [...area.querySelectorAll('a[href], button, input, textarea, summary')]
    .filter((element) => element.tabIndex >= 0 && element.checkVisibility({ visibilityProperty: true }))
    .filter(isReached);

  const luminance = (colour) => {
    const [red, green, blue] = colour.match(/[\d.]+/g).map((channel) => {
      const share = channel / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const contrast = (one, other) => {
    const [darker, lighter] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (lighter + 0.05) / (darker + 0.05);
  };
  const page = getComputedStyle(document.body).backgroundColor;
  const hasRing = (element) => {
    const { outlineStyle, outlineWidth, outlineColor } = getComputedStyle(element.closest('.choice') ?? element);
    const isWide = outlineStyle === 'solid' && parseFloat(outlineWidth) >= 2;
    return isWide && contrast(outlineColor, page) >= SHAPE_CONTRAST;
  };
  const isOnTop = (element) => {
    const touched = element.closest('.choice') ?? element;
    const { left, top, right, bottom } = touched.getClientRects()[0];
    const there = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
    return top >= 0 && left >= 0 && right <= innerWidth && touched.contains(there);
  };

  const reached = [];
  const wrong = {};
  const note = (kind, element) => (wrong[kind] ??= []).push(told(element));
  let before = null;
  // By the time the key is let go the page has moved to what has the focus.
  document.addEventListener('keyup', ({ target }) => {
    if (reached.length === expected.length) return;
    reached.push(target);
    if (!hasRing(target)) note('no ring', target);
    if (!isOnTop(target)) note('not to be seen', target);
    const { top, bottom } = target.getBoundingClientRect();
    const now = { top: top + scrollY, bottom: bottom + scrollY };
    if (before !== null && now.bottom <= before.top) note('above the one before', target);
    before = now;
  });
  window.stops = () => {
    expected.filter((element) => !reached.includes(element)).forEach((element) => note('not reached', element));
    reached.filter((element, at) => element !== expected[at]).forEach((element) => note('not in turn', element));
    return wrong;
  };
  // Tab goes on from the place that was clicked last, unless the page or the dialog itself has the focus.
  area.tabIndex = -1;
  area.focus();
  area.removeAttribute('tabindex');
  scrollTo(0, 0);
  return expected.length;
}
