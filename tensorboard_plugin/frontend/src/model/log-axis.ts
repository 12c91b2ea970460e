// Where an axis with a log scale has its labels: round numbers, whatever its ends are.

import { quantity } from './format';

const MULTIPLES = [[1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 2, 5], [1]] as const;

/** `most` places at most, in rising order; the ends themselves where no two round numbers lie between them. */
export function logPlaces(low: number, high: number, most: number): number[] {
  const [first, last] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  const powers = Array.from({ length: last - first + 1 }, (_, index) => first + index);
  const round = MULTIPLES.map((multiples) =>
    powers
      .flatMap((power) => multiples.map((multiple) => Number(`${multiple}e${power}`)))
      .filter((place) => place >= low && place <= high),
  );
  const places = round.find(({ length }) => length <= most) ?? everyNth(round.at(-1)!, most);
  return places.length < 2 ? [low, high] : places;
}

/** As short as round numbers are. */
export function logLabel(place: number): string {
  const short = place >= 1e-3 && place < 1e5 ? String(place) : place.toExponential().replace('e+', 'e').replace('e-', 'e−');
  return short.length <= 6 ? short : quantity(place);
}

function everyNth(places: readonly number[], most: number): number[] {
  const stride = Math.ceil(places.length / most);
  return places.filter((_, index) => index % stride === 0);
}
