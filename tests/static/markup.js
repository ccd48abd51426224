/** What *markup* says as a document: elements, attributes and texts, where any run of spaces is one, in drawings none. */
(markup) => {
  const SHARES = [0, 0.2, 0.4, 0.6, 0.8, 1];

  /** Return where the line *d* comes through: it can be written down in many ways. */
  const lineOf = (d) => {
    const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
    path.setAttribute('d', d);
    const points = SHARES.map((share) => path.getPointAtLength(path.getTotalLength() * share));
    return points.map(({ x, y }) => `${x.toFixed(2)} ${y.toFixed(2)}`).join(', ');
  };

  const valueOf = ({ name, value }) => {
    if (name === 'd') return lineOf(value);
    return name === 'content' ? value.replaceAll(', ', ',') : value;
  };

  const shapeOf = (node) => {
    if (node.nodeType === Node.TEXT_NODE) {
      const text = node.data.replace(/[ \t\n]+/g, ' ');
      return text === ' ' && node.parentNode instanceof SVGElement ? [] : [text];
    }
    if (node.nodeType !== Node.ELEMENT_NODE) return [];
    const attributes = [...node.attributes].map((attribute) => `${attribute.name}=${valueOf(attribute)}`).sort();
    const children = node.localName === 'template' ? node.content.childNodes : node.childNodes;
    return [[node.localName, attributes, [...children].flatMap(shapeOf)]];
  };

  const parsed = new DOMParser().parseFromString(markup, 'text/html');
  return [parsed.doctype?.name ?? null, ...shapeOf(parsed.documentElement)];
}
