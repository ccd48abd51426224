/** The QR code of an offer as SVG nodes. */

const SVG = 'http://www.w3.org/2000/svg';
const PIXELS_PER_MODULE = 5;
const PIXELS_PER_MODULE_ENLARGED = 8;

function node(name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

/**
 * Return an SVG of *qr* (`size` in modules with its quiet zone, `path` a stroke path).
 *
 * What its title and description say is the page's business: neither ever holds the key,
 * because accessible names are read aloud and logged by assistive tools.
 */
export function drawQr(qr) {
  const svg = node('svg', {
    viewBox: `0 0 ${qr.size} ${qr.size}`,
    role: 'img',
    'aria-labelledby': 'qr-title qr-description',
    // Without it browsers blend the modules' edges, and small codes become unreadable.
    'shape-rendering': 'crispEdges',
  });
  const title = node('title', { id: 'qr-title' });
  const description = node('desc', { id: 'qr-description' });
  const ground = node('rect', { width: qr.size, height: qr.size, fill: '#fff' });
  const modules = node('path', { d: qr.path, stroke: '#000', 'stroke-width': 1, fill: 'none' });
  svg.append(title, description, ground, modules);
  sizeQr(svg, qr.size, false);
  return svg;
}

/** Give *svg* whole pixels per module. The style sheet narrows it where the window is narrower. */
export function sizeQr(svg, size, enlarged) {
  const pixels = size * (enlarged ? PIXELS_PER_MODULE_ENLARGED : PIXELS_PER_MODULE);
  svg.setAttribute('width', pixels);
  svg.setAttribute('height', pixels);
}
