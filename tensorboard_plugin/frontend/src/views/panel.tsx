// The frame of a chart: title, readout at the cursor, the same data as a table, and ways to take it away.
import type { ComponentChildren } from 'preact';
import { useRef, useState } from 'preact/hooks';
import { fileName } from '../model/format';
import type { RunStore } from '../model/run-store';
import { csvOf, tableOf, type Sheet } from '../model/sheet';
import { Seen } from './at-cursor';
import { useInView } from './in-view';
import { BESIDE_PX } from './plot';
import { SaveMenu, savePicture, saveText } from './save';
import { DataTable } from './table';
import { Toggle } from './toggle';

interface PanelProps {
  store: RunStore;
  title: string;
  note: ComponentChildren;
  tools?: ComponentChildren;
  readout?: ComponentChildren;
  /** What is drawn, as numbers. */
  sheet: () => Sheet;
  /** Of the plotting area, in pixels: kept free while it is not in view. */
  height: number;
  /** Only called while the panel is in view: drawing a hundred thousand steps unseen helps nobody. */
  children: () => ComponentChildren;
}

export function Panel({ store, title, note, tools, readout, sheet, height, children }: PanelProps) {
  const [asTable, setAsTable] = useState(false);
  const frame = useRef<HTMLElement>(null);
  const [seen, setSeen] = useState(false);
  useInView(frame, setSeen, MARGIN);
  const range = store.range.value;
  const name = `${store.runName.value ?? 'run'} ${title}`;
  const picture = () => savePicture(frame.current!.querySelector('.u-wrap canvas'), title, name);
  return (
    <section class="panel" aria-label={title} ref={frame}>
      <header>
        <h3>{title}</h3>
        <span class="note">
          <Seen.Provider value={seen}>{note}</Seen.Provider>
        </span>
        <span class="tools">
          {tools}
          <Toggle
            pressed={asTable}
            label={`View ${title.toLowerCase()} as table`}
            toggle={() => setAsTable(!asTable)}
          >
            Table
          </Toggle>
          <SaveMenu
            what={title.toLowerCase()}
            items={[
              ...(asTable ? [] : [{ label: 'Picture (PNG)', save: picture }]),
              { label: 'Numbers (CSV)', save: () => saveText(csvOf(sheet(), range), 'text/csv', `${fileName(name)}.csv`) },
            ]}
          />
        </span>
      </header>
      {readout !== undefined && (
        <div class="readout">
          <Seen.Provider value={seen}>{readout}</Seen.Provider>
        </div>
      )}
      {asTable ? (
        <DataTable table={tableOf(sheet(), range)} label={title} />
      ) : seen ? (
        children()
      ) : (
        <div style={{ height: `${height + BESIDE_PX}px` }} />
      )}
    </section>
  );
}

/** A little before it is seen, so that scrolling does not show empty frames. */
const MARGIN = '200px';
