import { Sanitizer } from '@jupyterlab/apputils';
import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';

/**
 * Elements that load something, or that send something when a person uses them.
 */
const GONE = 'audio, embed, form, iframe, link, object, source, track, video';

/**
 * The attributes that may hold an address; a browser asks for most of them without a click.
 */
const ADDRESSES = new Set([
  'action',
  'background',
  'cite',
  'formaction',
  'longdesc',
  'ping',
  'poster',
  'src',
  'srcset',
  'usemap',
  'xlink:href'
]);

/**
 * Pictures that are part of the notebook: in the address itself, or attached to a Markdown cell.
 */
const WITHIN = /^(data:image\/(png|jpeg|gif|webp|bmp);base64,|attachment:)/i;

/**
 * CSS functions that name a file.
 */
const LOADS = /(url|image|image-set|cross-fade|element|src)\(/i;

/**
 * What JupyterLab lets through of untrusted HTML, less everything that would ask a server for something without a
 * click, and without buttons that run JupyterLab's commands.
 */
export class StrictSanitizer implements IRenderMime.ISanitizer {
  readonly allowCommandLinker = false;
  readonly allowNamedProperties = false;

  getAutolink(): boolean {
    return this._lab.getAutolink();
  }

  sanitize(dirty: string, options?: IRenderMime.ISanitizerOptions): string {
    const clean = this._lab.sanitize(dirty, options);
    // A document without a window loads nothing.
    const { body } = new DOMParser().parseFromString(clean, 'text/html');
    body.querySelectorAll(GONE).forEach(element => element.remove());
    body.querySelectorAll('*').forEach(restrain);
    return body.innerHTML;
  }

  private readonly _lab = new Sanitizer();
}

function restrain(element: Element): void {
  for (const { name, value } of [...element.attributes]) {
    const isCommand = name.startsWith('data-commandlinker-');
    if (isCommand || (ADDRESSES.has(name) && !WITHIN.test(value.trim()))) {
      element.removeAttribute(name);
    }
  }
  if (element instanceof HTMLImageElement && !element.hasAttribute('src')) {
    element.replaceWith(element.alt);
  } else if (element.hasAttribute('style')) {
    restrainStyle(element as HTMLElement);
  }
}

/**
 * The browser's own reading of the style counts: what it takes for an address has a plain name there.
 */
function restrainStyle(element: HTMLElement): void {
  const { style } = element;
  for (const name of Array.from(style)) {
    if (LOADS.test(style.getPropertyValue(name))) {
      style.removeProperty(name);
    }
  }
  element.setAttribute('style', style.cssText);
}
