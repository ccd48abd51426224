/** The tenant's colour as readable page colours (WCAG 2.2, 1.4.3 and 1.4.11). Pure. */

export const DEFAULT_COLOUR = '#005f86';
/** The grounds that are nearer to links and buttons: what is seen on them is seen on the page, too. */
const LIGHT_PANEL = '#f1f4f6';
const DARK_PANEL = '#1e252b';

const LIGHT_LINK_CONTRAST = 4.5;
/** Coloured text on black looks dimmer than on white of the same contrast. */
const DARK_LINK_CONTRAST = 6;
const SHAPE_CONTRAST = 3;
const MIX_STEP = 0.05;

function channels(colour) {
  return [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
}

function luminance(colour) {
  const [red, green, blue] = channels(colour).map((channel) => {
    const share = channel / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** Return the contrast ratio of two `#rrggbb` colours, 1 to 21. */
export function contrast(one, other) {
  const [darker, lighter] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (lighter + 0.05) / (darker + 0.05);
}

function mix(colour, towards, share) {
  const target = channels(towards);
  const mixed = channels(colour).map((channel, at) => Math.round(channel + (target[at] - channel) * share));
  return `#${mixed.map((channel) => channel.toString(16).padStart(2, '0')).join('')}`;
}

/** Return *colour*, moved towards *towards* only as far as the *least* contrast with *ground* needs. */
function readableOn(ground, colour, towards, least) {
  for (let share = 0; share < 1; share += MIX_STEP) {
    const candidate = mix(colour, towards, share);
    if (contrast(candidate, ground) >= least) return candidate;
  }
  return towards;
}

/**
 * Return the CSS custom properties for a tenant's colour; a colour that is not `#rrggbb` gives the default's.
 *
 * A button that would hardly stand out from its ground gets an edge in the colour of links.
 */
export function brandTokens(colour) {
  const brand = /^#[0-9a-f]{6}$/i.test(colour ?? '') ? colour.toLowerCase() : DEFAULT_COLOUR;
  const lightLink = readableOn(LIGHT_PANEL, brand, '#000000', LIGHT_LINK_CONTRAST);
  const darkLink = readableOn(DARK_PANEL, brand, '#ffffff', DARK_LINK_CONTRAST);
  const edgeOn = (ground, link) => (contrast(brand, ground) < SHAPE_CONTRAST ? link : brand);
  return {
    '--brand': brand,
    '--on-brand': contrast(brand, '#ffffff') >= contrast(brand, '#000000') ? '#ffffff' : '#000000',
    '--edge-light': edgeOn(LIGHT_PANEL, lightLink),
    '--edge-dark': edgeOn(DARK_PANEL, darkLink),
    '--link-light': lightLink,
    '--link-dark': darkLink,
  };
}
