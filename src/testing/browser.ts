/**
 * What Lab's widgets want of a browser and jsdom does not have. Import it before them.
 */
class Observer {
  observe(): void {
    // Nothing is laid out here.
  }
  unobserve(): void {
    // See above.
  }
  disconnect(): void {
    // See above.
  }
}

Object.assign(globalThis, {
  DragEvent: class DragEvent extends MouseEvent {},
  IntersectionObserver: Observer,
  ResizeObserver: Observer,
  // Lab draws cells when the browser is idle; here they are not drawn.
  requestIdleCallback: () => 1,
  cancelIdleCallback: () => undefined
});

window.matchMedia ??= () =>
  Object.assign(new EventTarget(), {
    matches: false,
    addListener: () => undefined,
    removeListener: () => undefined
  }) as unknown as MediaQueryList;
