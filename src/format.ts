/**
 * Keeps a number and its unit on one line.
 */
const SPACE = '\u00a0';
const NARROW_SPACE = '\u202f';
const MINUS = '\u2212';

/**
 * For example `0.4 s`, `12 s`, `3 min 05 s`, `2 h 07 min`.
 */
export function duration(seconds: number): string {
  if (seconds < 10) {
    return units([Math.max(0, seconds).toFixed(1), 's']);
  }
  const whole = Math.round(seconds);
  if (whole < 60) {
    return units([whole, 's']);
  }
  const minutes = Math.floor(whole / 60);
  return minutes < 60
    ? units([minutes, 'min', pad(whole % 60), 's'])
    : units([Math.floor(minutes / 60), 'h', pad(minutes % 60), 'min']);
}

/**
 * A clock that ticks: without the tenths that would flicker.
 */
export function elapsed(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  return whole < 60 ? units([whole, 's']) : duration(whole);
}

/**
 * At most two decimals, thousands set apart: `12 400`, `0.31`.
 */
export function number(value: number): string {
  return value
    .toLocaleString('en-US', { maximumFractionDigits: 2 })
    .replace(/,/g, NARROW_SPACE);
}

/**
 * Dollars; small sums keep enough digits to be told from nothing.
 */
export function cost(usd: number): string {
  return usd >= 0.1 || usd === 0
    ? `$${usd.toFixed(2).replace(/\.00$/, '')}`
    : `$${usd.toFixed(4)}`;
}

/**
 * A difference of shares in points, with its sign: `+62`.
 */
export function points(share: number): string {
  const value = Math.round(100 * share);
  return value < 0 ? `${MINUS}${-value}` : `+${value}`;
}

/**
 * Facts in a row, each on one line, with no separator at the beginning of a line.
 */
export function listed(facts: readonly string[]): string {
  return facts.map(fact => fact.replaceAll(' ', SPACE)).join(`${SPACE}\u00b7 `);
}

/**
 * The last part of a path, in which `/` separates.
 */
export function fileName(path: string): string {
  return path.split('/').at(-1) ?? path;
}

function units(parts: (string | number)[]): string {
  return parts.join(SPACE);
}

function pad(value: number): string {
  return String(value).padStart(2, '0');
}
