import { CodeEditor } from '@jupyterlab/codeeditor';
import * as React from 'react';

import { useCellServices } from './context';

interface ICodeProps {
  source: string;
  /**
   * Called with each change; without it the code can only be read.
   */
  onChange?: (source: string) => void;
  label: string;
}

/**
 * Python code with Lab's own highlighting; plain text where there is no editor to be had.
 */
export function Code(props: ICodeProps): JSX.Element {
  const { source, onChange, label } = props;
  const { editors } = useCellServices();
  const host = React.useRef<HTMLDivElement>(null);
  const changed = React.useRef(onChange);
  React.useEffect(() => {
    changed.current = onChange;
  });
  const editable = onChange !== undefined;
  React.useEffect(() => {
    if (!editors || !host.current) {
      return;
    }
    const model = new CodeEditor.Model({ mimeType: 'text/x-ipython' });
    model.sharedModel.setSource(source);
    const editor = editors.factoryService.newInlineEditor({
      host: host.current,
      model,
      config: { readOnly: !editable, lineNumbers: false, lineWrap: true }
    });
    model.sharedModel.changed.connect(() => {
      changed.current?.(model.sharedModel.getSource());
    });
    // Lab's editor is a text box without a name.
    editor.host
      .querySelector('[role="textbox"]')
      ?.setAttribute('aria-label', label);
    if (editable) {
      editor.focus();
    }
    return () => {
      editor.dispose();
      model.dispose();
    };
    // The editor owns the text from here on: what is typed must not make another one.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [editors, editable]);
  if (editors) {
    return <div ref={host} className="ib-code" />;
  }
  return editable ? (
    <textarea
      className="ib-code jp-mod-styled"
      aria-label={label}
      defaultValue={source}
      onChange={({ target }) => onChange(target.value)}
    />
  ) : (
    <pre className="ib-code" aria-label={label}>
      {source}
    </pre>
  );
}
