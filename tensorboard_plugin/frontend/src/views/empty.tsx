// Empty is not one state: each says what is so, and what to do.
import type { ComponentChildren } from 'preact';
import { CopyButton } from './copy';

export const SNIPPET = `%load_ext collapse_magic

%%watch_training --logdir runs
for inputs, labels in loader:
    optimizer.zero_grad()
    loss = criterion(model(inputs), labels)
    loss.backward()
    optimizer.step()`;

function Page({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <div class="empty" role="status">
      <h1>{title}</h1>
      {children}
    </div>
  );
}

export function NoRuns() {
  const [load, cell] = SNIPPET.split('\n\n') as [string, string];
  return (
    <Page title="No watched run in this log directory yet">
      <p>Load the extension once, then put the magic over a cell that trains a classifier.</p>
      <div class="snippet">
        <pre>{load}</pre>
        <CopyButton label="line" text={load} />
      </div>
      <div class="snippet">
        <pre>{cell}</pre>
        <CopyButton label="cell" text={cell} />
      </div>
      <p class="quiet">This page shows the run as soon as it writes its first data.</p>
    </Page>
  );
}

export function Connecting() {
  return <Page title="Reading the runs…">{null}</Page>;
}

export function Down() {
  return (
    <Page title="TensorBoard does not answer">
      <p>It was stopped, or the connection is gone. This page asks again every few seconds.</p>
    </Page>
  );
}

export function Waiting() {
  return (
    <Page title="Waiting for the first data">
      <p>The run has begun. Its first steps appear here within a few seconds.</p>
    </Page>
  );
}

export function NoSeries() {
  return (
    <p class="quiet panel">
      This run has no series to draw: no loss of a classifier was seen in it.
    </p>
  );
}
