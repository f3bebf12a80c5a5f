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
}

/**
 * The items of a long list as they are scrolled to: the first few at once, more when their end comes into view.
 */
export function LazyList<T>(props: ILazyListProps<T>): JSX.Element {
  const { items, render, needed = -1 } = props;
  const [reached, setReached] = React.useState(FIRST);
  const shown = Math.max(reached, needed + 1);
  const end = React.useRef<HTMLDivElement>(null);
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
      {rest > 0 && <div ref={end} className="ib-lazy-end" />}
    </>
  );
}
