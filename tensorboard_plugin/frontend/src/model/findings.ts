// Findings come ordered, the cause to fix first; symptoms stand below the cause that explains them.
import type { Finding, RunSeverity } from './contract';

export interface FindingNode {
  readonly key: string;
  readonly finding: Finding;
  readonly symptoms: readonly FindingNode[];
}

export function keyOf(finding: Finding): string {
  return finding.site === null ? finding.rule : `${finding.rule}@${finding.site}`;
}

/** A symptom whose cause is not in the list stands for itself. */
export function nest(findings: readonly Finding[]): FindingNode[] {
  const rules = new Set(findings.map(({ rule }) => rule));
  const explained = (finding: Finding) =>
    finding.explained_by !== null &&
    finding.explained_by !== finding.rule &&
    rules.has(finding.explained_by);
  const placed = new Set<Finding>();
  const node = (finding: Finding): FindingNode => {
    placed.add(finding);
    const symptoms = findings.filter(
      (other) => !placed.has(other) && explained(other) && isCause(finding, other, findings),
    );
    return { key: keyOf(finding), finding, symptoms: symptoms.map(node) };
  };
  const nodes = findings.filter((finding) => !explained(finding)).map(node);
  // Two that explain each other would otherwise be shown nowhere.
  for (const finding of findings) if (!placed.has(finding)) nodes.push(node(finding));
  return nodes;
}

/** The cause at the symptom's own site, or the first of that name where the site has none. */
function isCause(cause: Finding, symptom: Finding, findings: readonly Finding[]): boolean {
  const candidates = findings.filter(({ rule }) => rule === symptom.explained_by);
  return cause === (candidates.find(({ site }) => site === symptom.site) ?? candidates[0]);
}

/** In the order in which they stand on the page. */
export function flatten(nodes: readonly FindingNode[]): FindingNode[] {
  return nodes.flatMap((node) => [node, ...flatten(node.symptoms)]);
}

export interface SeverityLook {
  readonly word: string;
  /** Shape, so that severity is never colour alone. */
  readonly mark: 'cross' | 'triangle' | 'dot' | 'tick' | 'ring';
}

export const SEVERITY_LOOKS: Readonly<Record<RunSeverity, SeverityLook>> = {
  error: { word: 'error', mark: 'cross' },
  warning: { word: 'warning', mark: 'triangle' },
  info: { word: 'info', mark: 'dot' },
  ok: { word: 'healthy', mark: 'tick' },
  waiting: { word: 'waiting', mark: 'ring' },
};
