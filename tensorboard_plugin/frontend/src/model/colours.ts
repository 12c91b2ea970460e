// Colours of classes and of the heat map. Contrast and distance are held by tests.

export type Theme = 'light' | 'dark';

/** Surfaces on which charts are drawn; the dark ones are TensorBoard's own. */
export const SURFACES: Readonly<Record<Theme, readonly string[]>> = {
  light: ['#ffffff'],
  dark: ['#303030', '#212121'],
};

/** By class index. The same index has the same hue in both themes. */
export const CLASS_COLOURS: Readonly<Record<Theme, readonly string[]>> = {
  light: [
    '#2268cf', '#d35f00', '#026256', '#a33b80', '#0b96c7', '#3a1598', '#758a59', '#6a020b', '#4b2254', '#704e02',
  ],
  dark: [
    '#78b0ff', '#ff9440', '#b8f8ba', '#c391b6', '#77e0ff', '#8579fd', '#efe51c', '#eeafa7', '#aa6db5', '#ca6c0e',
  ],
};

/** Classes beyond the colours, taken together. */
export const NEUTRAL: Readonly<Record<Theme, string>> = { light: '#757575', dark: '#a8a8a8' };

export const MOST_CLASSES = CLASS_COLOURS.light.length;

export interface ClassChoice {
  /** Classes with a line of their own, by index. */
  readonly shown: readonly number[];
  /** Colour slot of each shown class. */
  readonly slots: ReadonlyMap<number, number>;
  /** How many classes are taken together as "others". */
  readonly others: number;
}

/**
 * Up to ten classes keep the slot of their index. Of more, those with the largest weight are shown; one that
 * had a slot before keeps it, so that no line changes colour while a run grows.
 */
export function chooseClasses(
  weights: readonly number[],
  before: ReadonlyMap<number, number> = new Map(),
): ClassChoice {
  if (weights.length <= MOST_CLASSES) {
    const shown = weights.map((_, index) => index);
    return { shown, slots: new Map(shown.map((index) => [index, index])), others: 0 };
  }
  const shown = weights
    .map((weight, index) => ({ weight: Number.isFinite(weight) ? weight : 0, index }))
    .sort((a, b) => b.weight - a.weight || a.index - b.index)
    .slice(0, MOST_CLASSES)
    .map(({ index }) => index)
    .sort((a, b) => a - b);
  const slots = new Map<number, number>();
  for (const index of shown) if (before.has(index)) slots.set(index, before.get(index)!);
  const taken = new Set(slots.values());
  for (const index of shown) {
    if (slots.has(index)) continue;
    let slot = index % MOST_CLASSES;
    while (taken.has(slot)) slot = (slot + 1) % MOST_CLASSES;
    taken.add(slot);
    slots.set(index, slot);
  }
  return { shown, slots, others: weights.length - MOST_CLASSES };
}

export type Rgb = readonly [red: number, green: number, blue: number];

export function parseHex(hex: string): Rgb {
  const part = (at: number) => parseInt(hex.slice(at, at + 2), 16);
  return [part(1), part(3), part(5)];
}

// Cividis (Nuñez, Anderton, Renslow 2018) at 17 even places: readable with and without colour blindness.
const CIVIDIS: readonly Rgb[] = [
  '#00224e', '#002e6a', '#1a386f', '#32436d', '#434e6c', '#535a6d', '#61656f', '#6f7073', '#7d7c78',
  '#8c8878', '#9b9476', '#aba072', '#bcae6c', '#cdbb63', '#dec958', '#f0d846', '#fee838',
].map(parseHex);

/** `share` from 0 (dark blue) to 1 (yellow); what lies outside is clamped. */
export function cividis(share: number): Rgb {
  const at = Math.min(1, Math.max(0, share)) * (CIVIDIS.length - 1);
  const index = Math.min(CIVIDIS.length - 2, Math.floor(at));
  const from = CIVIDIS[index]!;
  const to = CIVIDIS[index + 1]!;
  const mix = (part: 0 | 1 | 2) => Math.round(from[part] + (to[part] - from[part]) * (at - index));
  return [mix(0), mix(1), mix(2)];
}

/** Black or white, whichever is read better on the colour. */
export function inkOn(colour: Rgb): string {
  return luminance(colour) > 0.179 ? '#000000' : '#ffffff';
}

/** Relative luminance as WCAG 2 has it. */
export function luminance(colour: Rgb): number {
  const [red, green, blue] = colour.map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** Exactly zero, none at all and infinite are no places on the scale: their colours are not in cividis. */
export const ZERO_COLOUR: Rgb = [200, 30, 60];
export const INFINITE_COLOUR: Rgb = [235, 80, 235];
