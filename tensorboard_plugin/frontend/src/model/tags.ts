// What a run's series are about: sites with their phases, and models.
import type { Phase, Series } from './contract';

export interface Site {
  /** As it stands in tags, where some characters are replaced. */
  readonly name: string;
  /** As the report and its findings call it. */
  readonly title: string;
  readonly phases: readonly Phase[];
  readonly loss: boolean;
}

export function sitesOf(series: readonly Series[]): Site[] {
  const sites = new Map<string, { title: string; phases: Phase[]; loss: boolean }>();
  const entry = (name: string, title: string | undefined) => {
    const known = sites.get(name) ?? { title: title ?? name, phases: [], loss: false };
    sites.set(name, known);
    return known;
  };
  for (const { tag, kind, name: title } of series) {
    if (kind === 'loss') entry(afterSlash(tag), title).loss = true;
    if (kind === 'predictions') {
      const rest = afterSlash(tag);
      const cut = rest.lastIndexOf('/');
      entry(rest.slice(0, cut), title).phases.push(rest.slice(cut + 1) as Phase);
    }
  }
  return [...sites].map(([name, { title, phases, loss }]) => ({
    name,
    title,
    loss,
    phases: phases.sort().reverse(), // train before eval
  }));
}

export function modelsOf(series: readonly Series[]): string[] {
  return series.filter(({ kind }) => kind === 'layers').map(({ tag }) => afterSlash(tag));
}

/** Where which class is taken for which is written; older logs have nothing of the kind. */
export function confusionTag(series: readonly Series[], site: string, phase: Phase): string | null {
  const tag = `confusions/${site}/${phase}`;
  return series.some((one) => one.tag === tag) ? tag : null;
}

function afterSlash(tag: string): string {
  return tag.slice(tag.indexOf('/') + 1);
}
