// Talks to the plugin's routes. Addresses are relative to the bundle, so proxies and --path_prefix work.
import type { ErrorReply, ExplanationReply, RunReply, RunsReply } from './contract';
import { decodeSeries, type Chunk } from './wire';

/** The server did not answer, or something else answered in its place. */
export class Unreachable extends Error {}

/** The server answered that it will not: no such run or tag, or a bad argument. */
export class Refused extends Error {}

export interface Client {
  runs(): Promise<RunsReply>;
  run(run: string): Promise<RunReply>;
  /** Rows with a step above `since`; all of them without it. */
  series(run: string, tag: string, since: number | null): Promise<Chunk>;
  /** What a rule checks, and why, in its own words. */
  explanation(rule: string): Promise<ExplanationReply>;
  /** At most so many rows, evenly spaced, of the columns from the first to before the second. */
  sample(run: string, tag: string, points: number, columns: readonly [number, number]): Promise<Chunk>;
}

export type Fetch = (address: string) => Promise<Response>;

export function createClient(base: string, fetch: Fetch): Client {
  async function get(route: string, parameters: Record<string, string>): Promise<Response> {
    const address = new URL(route, base);
    for (const [name, value] of Object.entries(parameters)) {
      address.searchParams.set(name, value);
    }
    let response: Response;
    try {
      response = await fetch(address.href);
    } catch (error) {
      throw new Unreachable(String(error));
    }
    if (response.ok) return response;
    throw await refusal(response);
  }

  return {
    async runs() {
      return json<RunsReply>(await get('runs', {}));
    },
    async run(run) {
      return json<RunReply>(await get('run', { run }));
    },
    async series(run, tag, since) {
      const parameters = since === null ? { run, tag } : { run, tag, since: String(since) };
      return decodeSeries(await (await get('series', parameters)).arrayBuffer());
    },
    async explanation(rule) {
      return json<ExplanationReply>(await get('explanation', { rule }));
    },
    async sample(run, tag, points, columns) {
      const parameters = { run, tag, points: String(points), columns: columns.join(':') };
      return decodeSeries(await (await get('series', parameters)).arrayBuffer());
    },
  };
}

async function json<T>(response: Response): Promise<T> {
  try {
    return (await response.json()) as T;
  } catch {
    throw new Unreachable('the answer is not JSON');
  }
}

async function refusal(response: Response): Promise<Error> {
  try {
    const { error } = (await response.json()) as ErrorReply;
    if (typeof error === 'string') return new Refused(error);
  } catch {
    // A page of a proxy or of TensorBoard itself: nobody of ours answered.
  }
  return new Unreachable(`the server answered ${response.status}`);
}
