import * as React from 'react';

interface ITabsProps<T extends string> {
  label: string;
  tabs: readonly { readonly id: T; readonly title: string }[];
  shown: T;
  onShow: (id: T) => void;
  children: React.ReactNode;
}

/**
 * Tabs with the panel of the one that is shown.
 *
 * Not jp-tabs: an editor that lies in its slot looks for the selection in its shadow tree, and loses the cursor.
 */
export function Tabs<T extends string>(props: ITabsProps<T>): JSX.Element {
  const { label, tabs, shown, onShow, children } = props;
  const prefix = React.useId();
  const list = React.useRef<HTMLDivElement>(null);
  const before = React.useRef(shown);
  React.useLayoutEffect(() => {
    // What had the focus may have gone with the panel before, and keys would be the page's.
    if (before.current !== shown && document.activeElement === document.body) {
      list.current
        ?.querySelector<HTMLElement>('[aria-selected="true"]')
        ?.focus();
    }
    before.current = shown;
  }, [shown]);
  const move = (event: React.KeyboardEvent<HTMLElement>): void => {
    const at = tabs.findIndex(({ id }) => id === shown);
    const to = {
      ArrowRight: at + 1,
      ArrowLeft: at - 1,
      Home: 0,
      End: tabs.length - 1
    }[event.key];
    if (to === undefined) {
      return;
    }
    event.preventDefault();
    const next = (to + tabs.length) % tabs.length;
    onShow(tabs[next].id);
    (event.currentTarget.children[next] as HTMLElement).focus();
  };
  return (
    <>
      <div
        ref={list}
        role="tablist"
        className="ib-tabs"
        aria-label={label}
        onKeyDown={move}
      >
        {tabs.map(({ id, title }) => (
          <button
            key={id}
            type="button"
            role="tab"
            id={`${prefix}${id}`}
            className="ib-tab"
            data-place={id}
            aria-selected={id === shown}
            aria-controls={`${prefix}panel`}
            tabIndex={id === shown ? 0 : -1}
            onClick={() => onShow(id)}
          >
            {title}
          </button>
        ))}
      </div>
      <div
        role="tabpanel"
        id={`${prefix}panel`}
        className="ib-panel"
        aria-labelledby={`${prefix}${shown}`}
      >
        {children}
      </div>
    </>
  );
}
