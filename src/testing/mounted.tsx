import { nullTranslator } from '@jupyterlab/translation';
import * as React from 'react';
import { act } from 'react';
import { createRoot } from 'react-dom/client';
import { vi } from 'vitest';

import type { IServices } from '../components/context';
import { ServicesProvider } from '../components/context';

vi.stubGlobal('IS_REACT_ACT_ENVIRONMENT', true);

/**
 * A component in a document of its own, given these services and no others.
 */
export async function mounted(
  services: object,
  component: React.ReactElement
): Promise<HTMLElement> {
  const node = document.body.appendChild(document.createElement('div'));
  const value = {
    trans: nullTranslator.load(''),
    ...services
  } as unknown as IServices;
  await act(async () => {
    createRoot(node).render(
      <ServicesProvider value={value}>{component}</ServicesProvider>
    );
    await Promise.resolve();
  });
  return node;
}

/**
 * Click the button with this text, and wait for what it does.
 */
export async function click(node: HTMLElement, text: string): Promise<void> {
  const button = buttons(node).find(({ textContent }) => textContent === text)!;
  await act(async () => {
    button.click();
    await new Promise(resolve => setTimeout(resolve));
  });
}

export function buttons(node: HTMLElement): HTMLButtonElement[] {
  return [...node.querySelectorAll<HTMLButtonElement>('jp-button')];
}
