/**
 * Class of what shows the token under the pointer, in all results of a notebook.
 */
export const LINKED_CLASS = 'ib-mod-linked';

/**
 * The names under which charts tell of a mark what token it stands for.
 */
const NAMES = ['token', 'token that was read', 'query', 'key'];
const MARKS = '.ib-Chart svg .role-mark path';
/**
 * Tokens in the HTML of results: in the code font, or in a reply that is coloured by its divergence.
 */
const WORDS =
  '.jp-RenderedHTMLCommon span[style*="monospace"], .jp-RenderedHTMLCommon span[title^="KL "]';
/**
 * No label of a token is longer. What is may be an agent's, and takes long to read.
 */
const LONGEST = 500;
const PLACED = /^(.*?)(?: \((?:position )?(\d+)\))?$/s;

/**
 * A token as results write it, with its spaces visible, and its position in the text where a result tells it.
 */
export interface IToken {
  readonly text: string;
  readonly position: number | null;
}

/**
 * Marks a token wherever a result of the same notebook shows it, while the pointer is over one that does.
 */
export function linkTokens(page: Document): void {
  let marked: Element[] = [];
  page.addEventListener('mouseover', ({ target }) => {
    marked.forEach(element => element.classList.remove(LINKED_CLASS));
    marked = target instanceof Element ? alike(target) : [];
    marked.forEach(element => element.classList.add(LINKED_CLASS));
  });
}

/**
 * The elements that show the token that `pointed` shows; none where it shows none.
 */
export function alike(pointed: Element): Element[] {
  const notebook = pointed.closest('.jp-Notebook');
  const wanted = notebook && tokensOf(pointed);
  return wanted?.length
    ? [...notebook!.querySelectorAll(`${MARKS}, ${WORDS}`)].filter(element =>
        tokensOf(element).some(token =>
          wanted.some(same => isSame(token, same))
        )
      )
    : [];
}

function tokensOf(element: Element): IToken[] {
  if (element.matches(WORDS)) {
    return tokens([visible(element.textContent ?? '')]);
  }
  // Vega keeps there what the mark was drawn of.
  const { tooltip } =
    (element as { __data__?: { tooltip?: unknown } }).__data__ ?? {};
  if (typeof tooltip !== 'object' || tooltip === null) {
    return [];
  }
  return tokens(
    Object.entries(tooltip)
      .filter(([name]) => NAMES.includes(name))
      .map(([, value]) => String(value))
  );
}

function tokens(labels: readonly string[]): IToken[] {
  return labels.filter(label => label.length <= LONGEST).map(tokenOf);
}

function tokenOf(label: string): IToken {
  // In brackets, where the text before it stands there too.
  const alone = /\[([^\]]+)\]$/.exec(label)?.[1] ?? label;
  const [, text, position] = PLACED.exec(alone)!;
  return { text, position: position === undefined ? null : Number(position) };
}

function visible(text: string): string {
  return text.replaceAll(' ', '␣').replaceAll('\n', '⏎');
}

function isSame(one: IToken, other: IToken): boolean {
  return (
    one.text === other.text &&
    (one.position === null ||
      other.position === null ||
      one.position === other.position)
  );
}
