import type { TranslationBundle } from '@jupyterlab/translation';

import type { ServerInfo } from './generated/api';
import { API_VERSION, ApiError } from './request';
import type { IServiceProblem } from './tokens';

/**
 * What to say when the two halves do not fit together; null when they do.
 */
export function incompatible(
  info: ServerInfo,
  trans: TranslationBundle
): IServiceProblem | null {
  if (info.api < API_VERSION) {
    return {
      code: 'older',
      message: trans.__(
        'The server runs Interp Bench %1, which is older than this page. Restart the Jupyter server, or upgrade interp_bench_ext where it runs.',
        info.version
      )
    };
  }
  if (info.api > API_VERSION) {
    return {
      code: 'newer',
      message: trans.__(
        'The server runs Interp Bench %1, which is newer than this page. Reload the page.',
        info.version
      )
    };
  }
  return null;
}

/**
 * What to say when the lists could not be fetched.
 */
export function unreachable(
  error: unknown,
  trans: TranslationBundle
): IServiceProblem {
  if (!(error instanceof ApiError)) {
    return { code: 'error', message: String(error) };
  }
  if (error.code === 'http_404') {
    return {
      code: 'missing',
      message: trans.__(
        'The server half of Interp Bench is not running. Install interp_bench_ext where the Jupyter server runs, and restart the server.'
      )
    };
  }
  const code = error.code === 'offline' ? 'offline' : 'error';
  return { code, message: error.message };
}
