/**
 * What the style sheet *text* says: its rules in their order, each with what it sets, in the browser's own words.
 *
 * Names of fonts mean the same in capitals or quotes.
 */
(text) => {
  /** What these are if nobody sets them. */
  const INITIAL = { 'background-image': 'none', 'background-position-x': '0px', 'background-position-y': '0px' };

  const sheet = new CSSStyleSheet();
  sheet.replaceSync(text);

  const settingsOf = (style) =>
    [...style].map((name) => {
      const told = style.getPropertyValue(name).toLowerCase().replaceAll('"', '').replaceAll(/,\s*/g, ', ');
      const value = told === 'initial' ? (INITIAL[name] ?? told) : told;
      return `${name}: ${value} ${style.getPropertyPriority(name)}`;
    });

  const toldOf = ({ cssRules }) =>
    [...cssRules].map((rule) => {
      const what = rule.selectorText ?? rule.conditionText ?? rule.name ?? rule.keyText;
      return [what, ...(rule.style ? settingsOf(rule.style) : []), ...(rule.cssRules ? toldOf(rule) : [])];
    });

  return toldOf(sheet);
}
