// Replies as docs/wire.md describes them, and a server that is only data.
import type { Client } from '../src/model/client';
import { Refused } from '../src/model/client';
import type { Finding, RunReply, RunSummary, Series } from '../src/model/contract';
import { SeriesRows } from '../src/model/series';
import { decodeSeries, type Chunk } from '../src/model/wire';

export function encodeSeries(steps: readonly number[], rows: readonly (readonly number[])[]): ArrayBuffer {
  const columns = rows[0]?.length ?? 0;
  const header = JSON.stringify({
    version: 1,
    rows: steps.length,
    columns,
    first_step: steps[0] ?? null,
    last_step: steps.at(-1) ?? null,
  });
  const padded = header + ' '.repeat((8 - ((4 + header.length) % 8)) % 8);
  const reply = new ArrayBuffer(4 + padded.length + steps.length * 16 + steps.length * columns * 4);
  const view = new DataView(reply);
  view.setUint32(0, padded.length, true);
  new Uint8Array(reply).set(new TextEncoder().encode(padded), 4);
  let at = 4 + padded.length;
  for (const step of steps) view.setFloat64((at += 8) - 8, step, true);
  for (const step of steps) view.setFloat64((at += 8) - 8, 1000 + step, true);
  for (const row of rows) for (const value of row) view.setFloat32((at += 4) - 4, value, true);
  return reply;
}

export function chunkOf(steps: readonly number[], rows: readonly (readonly number[])[]): Chunk {
  return decodeSeries(encodeSeries(steps, rows));
}

export function rowsOf(
  fields: Series['fields'],
  steps: readonly number[],
  rows: readonly (readonly number[])[],
): SeriesRows {
  return SeriesRows.empty(fields).append(chunkOf(steps, rows));
}

export const LOSS: Series = { tag: 'loss/bce', kind: 'loss', fields: [{ name: 'loss', size: 1 }] };

export function summaryOf(run: string, more: Partial<RunSummary> = {}): RunSummary {
  return {
    run,
    started: 100,
    finished: false,
    live: true,
    steps: 4,
    severity: 'ok',
    verdict: 'no problem found in 4 steps',
    rule: null,
    series: [LOSS.tag],
    shares: null,
    ...more,
  };
}

export function findingOf(rule: string, more: Partial<Finding> = {}): Finding {
  return {
    code: 'CM000',
    rule,
    severity: 'error',
    confidence: 'likely',
    message: `${rule} happens`,
    evidence: [],
    first_step: 1,
    last_step: 4,
    resolved_step: null,
    location: null,
    fix: null,
    explained_by: null,
    site: null,
    ...more,
  };
}

export function replyOf(run: string, findings: readonly Finding[] = [], series: Series[] = [LOSS]): RunReply {
  return {
    run,
    report: {
      run,
      steps: 4,
      epochs: null,
      seconds: 1,
      cost: 0.01,
      collapsed: false,
      findings: [...findings],
      clear: [],
      skipped: {},
      logdir: null,
      predictions: [],
      notes: [],
      finished: false,
      fits: 0,
      verdict: '',
    },
    facts: null,
    series,
    damaged: [],
  };
}

/** A server whose answers the test changes as it goes. */
export class FakeServer implements Client {
  summaries: RunSummary[] = [];
  replies = new Map<string, RunReply>();
  rows = new Map<string, { steps: number[]; values: number[][] }>();
  asked: string[] = [];
  down: Error | null = null;
  /** Runs before an answer is given: a test changes its mind here. */
  meanwhile: (route: string) => void = () => {};

  async runs() {
    this.answer('runs');
    return { runs: this.summaries };
  }

  async run(run: string) {
    this.answer(`run ${run}`);
    const reply = this.replies.get(run);
    if (!reply) throw new Refused(`there is no run ${run}`);
    return structuredClone(reply);
  }

  async series(run: string, tag: string, since: number | null) {
    this.answer(`series ${run} ${tag} ${since}`);
    const { steps, values } = this.rows.get(`${run} ${tag}`)!;
    const from = since === null ? 0 : steps.findIndex((step) => step > since);
    return from < 0 ? chunkOf([], []) : chunkOf(steps.slice(from), values.slice(from));
  }

  async sample(run: string, tag: string, points: number, [first, end]: readonly [number, number]) {
    this.answer(`sample ${run} ${tag} ${points}`);
    const { steps, values } = this.rows.get(`${run} ${tag}`)!;
    return chunkOf(steps.slice(-points), values.slice(-points).map((row) => row.slice(first, end)));
  }

  async explanation(rule: string) {
    this.answer(`explanation ${rule}`);
    return { rule, text: `${rule} (CM000)\n\n## What it checks\nWhether ${rule} happens.\n` };
  }

  private answer(route: string): void {
    this.asked.push(route);
    if (this.down) throw this.down;
    this.meanwhile(route);
  }
}

export function serverWith(...runs: string[]): FakeServer {
  const server = new FakeServer();
  server.summaries = runs.map((run) => summaryOf(run));
  for (const run of runs) {
    server.replies.set(run, replyOf(run));
    server.rows.set(`${run} ${LOSS.tag}`, { steps: [1, 2, 3, 4], values: [[4], [3], [2], [1]] });
  }
  return server;
}
