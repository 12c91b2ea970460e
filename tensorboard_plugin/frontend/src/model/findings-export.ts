// Findings as files: JSON as the report holds them, CSV with a line for each.
import type { Report } from './contract';
import { csvLine } from './sheet';

const HEAD = [
  'code', 'rule', 'severity', 'confidence', 'message', 'first_step', 'last_step', 'resolved_step',
  'site', 'cell', 'line', 'explained_by', 'fix', 'evidence',
] as const;

export function findingsCsv({ findings }: Report): string {
  const text = (value: string | number | null | undefined) => (value === null || value === undefined ? '' : String(value));
  const lines = findings.map((finding) =>
    [
      finding.code, finding.rule, finding.severity, finding.confidence, finding.message,
      finding.first_step, finding.last_step, finding.resolved_step, finding.site,
      finding.location?.cell, finding.location?.line, finding.explained_by, finding.fix?.title,
      finding.evidence.map((one) => one.text).join('; '),
    ].map(text),
  );
  return `${[[...HEAD], ...lines].map(csvLine).join('\r\n')}\r\n`;
}

export function findingsJson(report: Report): string {
  return `${JSON.stringify({ run: report.run, verdict: report.verdict, findings: report.findings }, null, 2)}\n`;
}
