// Findings over the step axis: a lane for each, from the first step of its evidence to where it was resolved.
import type { Range } from './buckets';
import { flatten, type FindingNode } from './findings';

export interface Lane {
  readonly node: FindingNode;
  /** Shares of the range's width. */
  readonly from: number;
  readonly to: number;
  /** False where the finding lies outside of the range. */
  readonly inside: boolean;
}

/** `place` says at which share of the width a step lies. What is not resolved goes on to the end of the run. */
export function lanesOf(
  nodes: readonly FindingNode[],
  range: Range,
  runEnd: number,
  place: (step: number) => number,
): Lane[] {
  return flatten(nodes).map((node) => {
    const { first_step, resolved_step } = node.finding;
    const end = resolved_step ?? Math.max(runEnd, first_step);
    const clamp = (step: number) => Math.min(1, Math.max(0, place(step)));
    return {
      node,
      from: clamp(first_step),
      to: clamp(end),
      inside: first_step <= range[1] && end >= range[0],
    };
  });
}
