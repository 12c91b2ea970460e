import { findingsCsv, findingsJson } from '../model/findings-export';
import { fileName } from '../model/format';
import type { Store } from '../model/store';
import { SaveMenu, saveText } from './save';

export function SaveFindings({ store }: { store: Store }) {
  const report = store.report.value;
  if (report === null) return null;
  const name = fileName(`${store.runName.value} findings`);
  return (
    <SaveMenu
      what="findings"
      items={[
        { label: 'As JSON', save: () => saveText(findingsJson(report), 'application/json', `${name}.json`) },
        { label: 'As CSV', save: () => saveText(findingsCsv(report), 'text/csv', `${name}.csv`) },
      ]}
    />
  );
}
