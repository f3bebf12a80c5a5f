import { caretDownIcon, caretRightIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

interface ISectionProps {
  title: string;
  /**
   * Shown small beside the title.
   */
  aside?: React.ReactNode;
  startsOpen?: boolean;
  className?: string;
  children: () => React.ReactNode;
}

/**
 * A heading that shows and hides what is below it, which is rendered only while it is shown.
 */
export function Section(props: ISectionProps): JSX.Element {
  const { title, aside, startsOpen = false, className = '', children } = props;
  const [open, setOpen] = React.useState(startsOpen);
  const id = React.useId();
  const Caret = open ? caretDownIcon : caretRightIcon;
  return (
    <section className={`ib-section ${className}`}>
      <h2 className="ib-section-heading">
        <button
          type="button"
          className="ib-section-toggle"
          aria-expanded={open}
          aria-controls={id}
          onClick={() => setOpen(!open)}
        >
          <Caret.react tag="span" className="ib-caret" />
          <span className="ib-section-title">{title}</span>
          {aside !== undefined && (
            <span className="ib-section-aside">{aside}</span>
          )}
        </button>
      </h2>
      <div id={id} className="ib-section-body" hidden={!open}>
        {open && children()}
      </div>
    </section>
  );
}
