// Whether an element can be seen. One observer for all who ask alike: hundreds of them cost every frame.
import { useEffect } from 'preact/hooks';

type Told = (seen: boolean) => void;

const observers = new Map<string, { observer: IntersectionObserver; told: WeakMap<Element, Told> }>();

function observerOf(margin: string) {
  const known = observers.get(margin);
  if (known) return known;
  const told = new WeakMap<Element, Told>();
  const observer = new IntersectionObserver(
    (entries) => entries.forEach((entry) => told.get(entry.target)?.(entry.isIntersecting)),
    { rootMargin: margin },
  );
  const made = { observer, told };
  observers.set(margin, made);
  return made;
}

/** Tells when the element comes into view or leaves it. */
export function useInView(
  element: { current: Element | null },
  told: Told,
  margin: string,
): void {
  useEffect(() => {
    const { observer, told: all } = observerOf(margin);
    const target = element.current!;
    all.set(target, told);
    observer.observe(target);
    return () => observer.unobserve(target);
  }, [margin]);
}
