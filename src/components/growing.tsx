import * as React from 'react';

const FIRST = 30;
const MORE = 30;

interface IGrowingProps<T> {
  items: readonly T[];
  render: (item: T, index: number) => React.ReactNode;
}

/**
 * The items of a long list as they are scrolled to: the first few at once, more when their end comes into view.
 */
export function Growing<T>({ items, render }: IGrowingProps<T>): JSX.Element {
  const [shown, setShown] = React.useState(FIRST);
  const end = React.useRef<HTMLDivElement>(null);
  const rest = items.length - shown;
  React.useEffect(() => {
    if (rest <= 0 || !end.current) {
      return;
    }
    const observer = new IntersectionObserver(
      entries => {
        if (entries.some(entry => entry.isIntersecting)) {
          setShown(count => count + MORE);
        }
      },
      { rootMargin: '400px' }
    );
    observer.observe(end.current);
    return () => observer.disconnect();
  }, [rest]);
  return (
    <>
      {items.slice(0, shown).map(render)}
      {rest > 0 && <div ref={end} className="ib-growing-end" />}
    </>
  );
}
