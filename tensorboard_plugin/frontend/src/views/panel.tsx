// The frame of a chart: title, readout at the cursor, and the same data as a table.
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { DataTable, type Table } from './table';

interface PanelProps {
  title: string;
  note: ComponentChildren;
  tools?: ComponentChildren;
  readout?: ComponentChildren;
  table: () => Table;
  children: ComponentChildren;
}

export function Panel({ title, note, tools, readout, table, children }: PanelProps) {
  const [asTable, setAsTable] = useState(false);
  return (
    <section class="panel" aria-label={title}>
      <header>
        <h3>{title}</h3>
        <span class="note">{note}</span>
        <span class="tools">
          {tools}
          <button
            type="button"
            class="toggle"
            aria-pressed={asTable}
            aria-label={`View ${title.toLowerCase()} as table`}
            onClick={() => setAsTable(!asTable)}
          >
            Table
          </button>
        </span>
      </header>
      {readout !== undefined && <div class="readout">{readout}</div>}
      {asTable ? <DataTable table={table()} label={title} /> : children}
    </section>
  );
}
