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
  requestIdleCallback: (call: () => void) => setTimeout(call),
  cancelIdleCallback: (id: number) => clearTimeout(id)
});

window.matchMedia ??= () =>
  Object.assign(new EventTarget(), {
    matches: false
  }) as unknown as MediaQueryList;
