import * as React from 'react';

import type { IRunModel } from '../tokens';
import { useServices } from './context';

/**
 * What the agent says, as it streams.
 *
 * Written to the page beside React: tokens come twenty times a second, and each is one appended text node.
 */
export function Reply({ run }: { run: IRunModel }): JSX.Element {
  const { trans } = useServices();
  const box = React.useRef<HTMLDivElement>(null);
  React.useEffect(() => {
    const writer = new Writer(box.current!);
    const write = (): void => writer.write(run.state.reply);
    write();
    run.changed.connect(write);
    return () => {
      run.changed.disconnect(write);
    };
  }, [run]);
  return (
    <div
      ref={box}
      className="ib-reply"
      tabIndex={0}
      role="region"
      aria-label={trans.__('What the agent says')}
    >
      <div className="ib-reply-thinking" />
      <div className="ib-reply-text" />
    </div>
  );
}

class Writer {
  constructor(private readonly _box: HTMLElement) {
    const [thinking, text] = Array.from(_box.children) as HTMLElement[];
    this._parts = { thinking: new Part(thinking), text: new Part(text) };
  }

  write(reply: { thinking: string; text: string }): void {
    // It scrolls along only where the end is in view.
    const { scrollHeight, scrollTop, clientHeight } = this._box;
    const atEnd = scrollHeight - scrollTop - clientHeight < 24;
    const grown = this._parts.thinking.show(reply.thinking);
    if ((this._parts.text.show(reply.text) || grown) && atEnd) {
      this._box.scrollTop = this._box.scrollHeight;
    }
  }

  private readonly _parts: { thinking: Part; text: Part };
}

class Part {
  constructor(private readonly _node: HTMLElement) {}

  /**
   * Show a text; what is there already is left alone. Returns whether anything changed.
   */
  show(text: string): boolean {
    if (text === this._shown) {
      return false;
    }
    if (this._shown && text.startsWith(this._shown)) {
      this._node.append(text.slice(this._shown.length));
    } else {
      this._node.textContent = text;
    }
    this._shown = text;
    return true;
  }

  private _shown = '';
}
