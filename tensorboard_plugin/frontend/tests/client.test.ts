import { expect, test } from 'vitest';
import { createClient, Refused, Unreachable } from '../src/model/client';
import { encodeSeries } from './support';

const BASE = 'http://host:1/some/prefix/data/plugin/collapse/index.js';

function clientFor(response: () => Response) {
  const asked: string[] = [];
  const client = createClient(BASE, async (address) => {
    asked.push(address);
    return response();
  });
  return { client, asked };
}

test('addresses stand beside the bundle, whatever prefix a proxy gave it', async () => {
  const { client, asked } = clientFor(() => Response.json({ runs: [] }));
  await client.runs();
  expect(asked).toEqual(['http://host:1/some/prefix/data/plugin/collapse/runs']);
});

test('names of runs and tags are quoted', async () => {
  const { client, asked } = clientFor(() => new Response(encodeSeries([], [])));
  await client.series('a/b & <c>', 'loss/x#y', 7);
  const address = new URL(asked[0]!);
  expect(address.searchParams.get('run')).toBe('a/b & <c>');
  expect(address.searchParams.get('tag')).toBe('loss/x#y');
  expect(address.searchParams.get('since')).toBe('7');
});

test('an error with a sentence is a refusal', async () => {
  const { client } = clientFor(() => Response.json({ error: 'there is no run x' }, { status: 404 }));
  await expect(client.run('x')).rejects.toThrow(new Refused('there is no run x'));
});

test.each([
  ['a page of a proxy', () => new Response('<html>', { status: 502 })],
  ['a page instead of data', () => new Response('<html>')],
])('%s means that the server is not there', async (_, response) => {
  await expect(clientFor(response).client.runs()).rejects.toThrow(Unreachable);
});

test('no answer means that the server is not there', async () => {
  const client = createClient(BASE, () => Promise.reject(new TypeError('Failed to fetch')));
  await expect(client.runs()).rejects.toThrow(Unreachable);
});
