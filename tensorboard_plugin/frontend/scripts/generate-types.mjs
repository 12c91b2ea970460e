// Writes src/generated/records.ts from the one schema that Python and TypeScript share.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { compile } from 'json-schema-to-typescript';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const schema = JSON.parse(
  await readFile(here('../../../collapse_magic/records.schema.json'), 'utf8'),
);
const types = await compile(schema, 'Contract', {
  additionalProperties: false,
  bannerComment: '/* Generated from collapse_magic/records.schema.json by `npm run types`. */',
  format: false,
  unreachableDefinitions: true,
});
await mkdir(here('../src/generated'), { recursive: true });
await writeFile(here('../src/generated/records.ts'), types);
