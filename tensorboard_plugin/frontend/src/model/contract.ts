// The written contract, under names that do not hide TypeScript's own.
import type { Number as WireNumber } from '../generated/records';

export type {
  ErrorReply,
  ExplanationReply,
  Facts,
  Field,
  Finding,
  Fix,
  LayerFacts,
  Phase,
  PredictionSummary,
  Report,
  RunReply,
  RunSeverity,
  RunSummary,
  RunsReply,
  Safety,
  Series,
  SeriesHeader,
  SeriesKind,
} from '../generated/records';
export type { WireNumber };

/** JSON has no words for NaN and the infinities, so they come as strings. */
export function toNumber(value: WireNumber): number {
  return typeof value === 'number' ? value : Number(value);
}
