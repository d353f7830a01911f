// A list of which only the rows in sight are elements.
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

export const rowHeight = 26;

export function List(props: {
  count: number;
  row: (i: number) => ComponentChildren;
  selected: number;
  label: string;
  onRange?: (from: number, to: number) => void;
  id?: string;
}) {
  const box = useRef<HTMLDivElement>(null);
  const [at, setAt] = useState({ top: 0, height: 800 });
  useLayoutEffect(() => {
    const el = box.current!;
    const measure = () => setAt({ top: el.scrollTop, height: el.clientHeight });
    measure();
    const o = new ResizeObserver(measure);
    o.observe(el);
    return () => o.disconnect();
  }, []);
  const from = Math.max(0, Math.floor(at.top / rowHeight) - 5);
  const to = Math.min(props.count, Math.ceil((at.top + at.height) / rowHeight) + 5);
  useEffect(() => props.onRange?.(from, to), [from, to, props.count]);
  useEffect(() => {
    const el = box.current!;
    if (props.selected < 0) return;
    const y = props.selected * rowHeight;
    if (y < el.scrollTop) el.scrollTop = y;
    else if (y + rowHeight > el.scrollTop + el.clientHeight) el.scrollTop = y + rowHeight - el.clientHeight;
  }, [props.selected]);
  const rows = [];
  for (let i = from; i < to; i++)
    rows.push(
      <div class={"row" + (i === props.selected ? " selected" : "")} key={i} role="row" aria-rowindex={i + 1} aria-selected={i === props.selected} style={{ top: i * rowHeight + "px" }}>
        {props.row(i)}
      </div>,
    );
  return (
    <div class="list" id={props.id} ref={box} role="grid" aria-label={props.label} aria-rowcount={props.count} tabIndex={0} onScroll={(e) => setAt({ top: e.currentTarget.scrollTop, height: e.currentTarget.clientHeight })}>
      <div class="space" role="rowgroup" style={{ height: props.count * rowHeight + "px" }}>{rows}</div>
    </div>
  );
}
