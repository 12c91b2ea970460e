// The words of a rule: sections with a title, of paragraphs and code.

export interface Block {
  readonly kind: 'text' | 'code';
  readonly text: string;
}

export interface Section {
  readonly title: string;
  readonly blocks: readonly Block[];
}

/** Examples that cure something have a better one beside the finding; where they come from is for the docs. */
const LEFT_OUT = new Set(['Example', 'Use instead', 'Fix safety']);

/** "## TITLE" begins a section, four spaces begin code, an empty line ends a paragraph. */
export function parseExplanation(text: string): Section[] {
  const sections = text.split(/^## /m).slice(1);
  return sections
    .map((section) => {
      const [title = '', ...lines] = section.split('\n');
      return { title: title.trim(), blocks: blocksOf(lines) };
    })
    .filter(({ title, blocks }) => blocks.length > 0 && !LEFT_OUT.has(title));
}

function blocksOf(lines: readonly string[]): Block[] {
  const blocks: { kind: Block['kind']; lines: string[] }[] = [];
  let open = false;
  for (const line of lines) {
    if (line.trim() === '') {
      open = false;
      continue;
    }
    const kind = line.startsWith('    ') ? 'code' : 'text';
    const last = blocks.at(-1);
    if (open && last?.kind === kind) last.lines.push(line);
    else blocks.push({ kind, lines: [line] });
    open = true;
  }
  return blocks.map(({ kind, lines: own }) => ({
    kind,
    text: kind === 'code' ? own.map((line) => line.slice(4)).join('\n') : own.map((line) => line.trim()).join(' '),
  }));
}
