import * as React from 'react';

const FIRST = 30;
const MORE = 30;

interface ILazyListProps<T> {
  items: readonly T[];
  render: (item: T, index: number) => React.ReactNode;
  /**
   * Index of an item that must be there, wherever it is; -1 for none.
   */
  needed?: number;
  /**
   * What stands at its end: in a list an item, as a list holds nothing else.
   */
  end?: 'div' | 'li';
}

/**
 * The items of a long list as they are scrolled to: the first few at once, more when their end comes into view.
 */
export function LazyList<T>(props: ILazyListProps<T>): JSX.Element {
  const { items, render, needed = -1, end: End = 'li' } = props;
  const [reached, setReached] = React.useState(FIRST);
  const shown = Math.max(reached, needed + 1);
  const end = React.useRef<HTMLElement | null>(null);
  const rest = items.length - shown;
  React.useEffect(() => {
    if (rest <= 0 || !end.current) {
      return;
    }
    const observer = new IntersectionObserver(
      entries => {
        if (entries.some(entry => entry.isIntersecting)) {
          setReached(count => Math.max(count, shown) + MORE);
        }
      },
      { rootMargin: '400px' }
    );
    observer.observe(end.current);
    return () => observer.disconnect();
  }, [rest, shown]);
  return (
    <>
      {items.slice(0, shown).map(render)}
      {rest > 0 && (
        <End
          ref={(element: HTMLElement | null) => {
            end.current = element;
          }}
          aria-hidden
          className="ib-lazy-end"
        />
      )}
    </>
  );
}
