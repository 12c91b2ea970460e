import { describe, expect, test } from 'vitest';
import {
  chooseClasses,
  cividis,
  CLASS_COLOURS,
  INFINITE_COLOUR,
  inkOn,
  NEUTRAL,
  parseHex,
  SURFACES,
  ZERO_COLOUR,
  type Rgb,
  type Theme,
} from '../src/model/colours';

type Matrix = readonly [Rgb, Rgb, Rgb];

const linear = (rgb: Rgb): Rgb =>
  rgb.map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as unknown as Rgb;

const times = (matrix: Matrix, colour: Rgb): Rgb =>
  matrix.map((row) => row[0] * colour[0] + row[1] * colour[1] + row[2] * colour[2]) as unknown as Rgb;

/** WCAG 2. */
function contrast(one: Rgb, other: Rgb): number {
  const luminance = (rgb: Rgb) => {
    const [red, green, blue] = linear(rgb);
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

// Machado, Oliveira, Fernandes 2009, severity 1, on linear RGB.
const SIGHT: Readonly<Record<string, Matrix>> = {
  'full colour vision': [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
  protanopia: [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
  deuteranopia: [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
  tritanopia: [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
};

/** Ottosson's OKLab: equal distances look about equally different; white is 1 away from black. */
function oklab(colour: Rgb): Rgb {
  const [long, middle, short] = times(
    [
      [0.4122214708, 0.5363325363, 0.0514459929],
      [0.2119034982, 0.6806995451, 0.1073969566],
      [0.0883024619, 0.2817188376, 0.6299787005],
    ],
    colour.map((part) => Math.min(1, Math.max(0, part))) as unknown as Rgb,
  ).map(Math.cbrt) as unknown as Rgb;
  return times(
    [
      [0.2104542553, 0.793617785, -0.0040720468],
      [1.9779984951, -2.428592205, 0.4505937099],
      [0.0259040371, 0.7827717662, -0.808675766],
    ],
    [long, middle, short],
  );
}

function distance(one: Rgb, other: Rgb, sight: Matrix): number {
  const a = oklab(times(sight, linear(one)));
  const b = oklab(times(sight, linear(other)));
  return Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
}

// About four times what is just visible side by side (.02): lines lie apart, and are thin.
const CLEARLY_APART = 0.075;

describe.each(['light', 'dark'] as const)('class colours, %s', (theme: Theme) => {
  const colours = CLASS_COLOURS[theme].map(parseHex);

  test('there are ten', () => expect(new Set(CLASS_COLOURS[theme]).size).toBe(10));

  test.each(SURFACES[theme])('hold 3:1 on %s, and so does the neutral one', (surface) => {
    for (const colour of [...colours, parseHex(NEUTRAL[theme])]) {
      expect(contrast(colour, parseHex(surface))).toBeGreaterThanOrEqual(3);
    }
  });

  test.each(Object.keys(SIGHT))('are told apart with %s', (name) => {
    const pairs = colours.flatMap((one, index) =>
      colours.slice(index + 1).map((other) => distance(one, other, SIGHT[name]!)),
    );
    expect(Math.min(...pairs)).toBeGreaterThanOrEqual(CLEARLY_APART);
  });

  test('the first two, which most users see, are far apart for everybody', () => {
    for (const sight of Object.values(SIGHT)) {
      expect(distance(colours[0]!, colours[1]!, sight)).toBeGreaterThanOrEqual(2 * CLEARLY_APART);
    }
  });
});

test('a colour blind eye of this test sees less: red and green come together', () => {
  const [red, green] = [parseHex('#c0504d'), parseHex('#7f8f3f')];
  expect(distance(red, green, SIGHT['deuteranopia']!)).toBeLessThan(
    distance(red, green, SIGHT['full colour vision']!) / 2,
  );
});

test('the heat map grows lighter all the way', () => {
  const lightness = Array.from({ length: 64 }, (_, at) => oklab(linear(cividis(at / 63)))[0]);
  expect(lightness.every((value, at) => at === 0 || value > lightness[at - 1]!)).toBe(true);
});

test('what is written on the heat map holds 4.5:1 on every colour of it', () => {
  for (let at = 0; at <= 1; at += 1 / 64) {
    expect(contrast(parseHex(inkOn(cividis(at))), cividis(at))).toBeGreaterThanOrEqual(4.5);
  }
});

test.each([['zero', ZERO_COLOUR], ['infinite', INFINITE_COLOUR]] as const)(
  '%s is no place on the heat map’s scale, for anybody',
  (_, special) => {
    for (const sight of Object.values(SIGHT)) {
      for (let at = 0; at <= 1; at += 1 / 32) {
        expect(distance(special, cividis(at), sight)).toBeGreaterThan(0.02);
      }
    }
  },
);

describe('choosing classes', () => {
  test('up to ten keep the colour of their index', () => {
    const { shown, slots, others } = chooseClasses([0.1, 0.9, 0]);
    expect(shown).toEqual([0, 1, 2]);
    expect(slots.get(2)).toBe(2);
    expect(others).toBe(0);
  });

  const hundred = (heavy: readonly number[]) =>
    Array.from({ length: 100 }, (_, index) => (heavy.includes(index) ? 1 : 0));
  const tens = [0, 10, 20, 30, 40, 50, 60, 70, 80, 90];

  test('of more, the ten that matter most are shown, each with a colour of its own', () => {
    const { shown, slots, others } = chooseClasses(hundred(tens));
    expect(shown).toEqual(tens);
    expect(new Set(slots.values()).size).toBe(10);
    expect(others).toBe(90);
  });

  test('a class keeps its colour when another one comes in', () => {
    const before = chooseClasses(hundred(tens)).slots;
    const { shown, slots } = chooseClasses(hundred([5, ...tens.slice(1)]), before);
    for (const index of shown) if (before.has(index)) expect(slots.get(index)).toBe(before.get(index));
    expect(new Set(slots.values()).size).toBe(10);
    expect(slots.has(5)).toBe(true);
  });
});
