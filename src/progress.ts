import type { CellOutput } from './generated/events';

/**
 * What a call into the organism says of itself while it is slow: `logit_lens: layers 64 of 100 (64 %), 2 s`.
 */
const LINE = /^(\w+): (.*?)(?: [\d,]+ of [\d,]+ \((\d+) %\)| [\d,]+)?, \d+ s$/;

/**
 * How far a call is, read off an output of its cell; empty once it is done, null for any other output.
 */
export function progressOf(output: CellOutput['output']): string | null {
  if (output.output_type !== 'display_data') {
    return null;
  }
  const data = (output.data ?? {}) as { [mimeType: string]: unknown };
  if (Object.keys(data).length === 0) {
    return '';
  }
  const line = LINE.exec(String(data['text/plain'] ?? ''));
  if (!line) {
    return null;
  }
  const [, name, stage, percent] = line;
  return percent ? `${name} ${percent} %` : `${name}: ${stage}`;
}
