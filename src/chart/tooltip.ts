import type { IDisposable } from '@lumino/disposable';

const GAP = 12;

/**
 * What a chart says of the mark below the pointer, as text.
 */
export class Tooltip implements IDisposable {
  get isDisposed(): boolean {
    return this._isDisposed;
  }

  show({ clientX, clientY }: MouseEvent, value: unknown): void {
    if (this._isDisposed || !value) {
      this._node?.remove();
      return;
    }
    const node = (this._node ??= newNode());
    node.replaceChildren(...rows(value));
    document.body.append(node);
    const { width, height } = node.getBoundingClientRect();
    const left = clientX + GAP + width > innerWidth ? -GAP - width : GAP;
    const top = clientY + GAP + height > innerHeight ? -GAP - height : GAP;
    node.style.left = `${clientX + left}px`;
    node.style.top = `${clientY + top}px`;
  }

  dispose(): void {
    this._isDisposed = true;
    this._node?.remove();
  }

  private _isDisposed = false;
  private _node: HTMLElement | null = null;
}

function newNode(): HTMLElement {
  const node = document.createElement('dl');
  node.className = 'ib-ChartTooltip';
  // The chart as a whole has a description.
  node.setAttribute('aria-hidden', 'true');
  return node;
}

function rows(value: unknown): HTMLElement[] {
  const lines =
    typeof value === 'object' && value !== null
      ? Object.entries(value)
      : [['', value]];
  return lines.flatMap(([label, text]) => [
    element('dt', String(label)),
    element('dd', String(text))
  ]);
}

function element(tag: 'dt' | 'dd', text: string): HTMLElement {
  const node = document.createElement(tag);
  node.textContent = text;
  return node;
}
