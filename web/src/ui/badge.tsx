import type { ReactNode } from 'react'
import { cx } from '~/util/cx'
import type { Family, Shown } from '~/util/state'

const EDGED: Record<Family, string> = {
  run: 'text-run-fg bg-run-tint border-run-line',
  move: 'text-move-fg bg-move-tint border-move-line',
  stop: 'text-stop-fg bg-stop-tint border-stop-line',
  warn: 'text-warn-fg bg-warn-tint border-warn-line',
  fail: 'text-fail-fg bg-fail-tint border-fail-line',
}
// In tables "running" is plain text colour, so that only exceptions are coloured.
const PLAIN: Record<Family, string> = {
  run: 'text-t1',
  move: 'text-move-fg',
  stop: 'text-t2',
  warn: 'text-warn-fg',
  fail: 'text-fail-fg',
}
const DOT: Record<Family, string> = {
  run: 'text-run-dot',
  move: 'text-move-dot',
  stop: 'text-stop-dot',
  warn: 'text-warn-dot',
  fail: 'text-fail-dot',
}

/** One shape per state, on a 12 px field: the colour is never alone. */
const SHAPES: Record<Shown | 'ok' | 'look', ReactNode> = {
  running: <circle cx="6" cy="6" r="3.5" fill="currentColor" stroke="none" />,
  starting: <path d="M6 2a4 4 0 1 1-4 4" />,
  stopping: <path d="M6 2a4 4 0 1 0 4 4" />,
  installing: <path d="M6 1.5v6M3.5 5 6 7.5 8.5 5M2.5 10.5h7" />,
  transferring: <path d="M1.5 4h8l-2-2M10.5 8h-8l2 2" />,
  restoring: <path d="M2 6a4 4 0 1 0 1.5-3.1L2 4.2m0-2.7v2.7h2.7" />,
  deleting: <path d="M3 6h6" />,
  stopped: <rect x="3" y="3" width="6" height="6" rx="1" fill="currentColor" stroke="none" />,
  new: <circle cx="6" cy="6" r="3.5" strokeDasharray="1.6 1.6" />,
  unreachable: (
    <>
      <circle cx="6" cy="6" r="4.2" />
      <path d="m3.2 8.8 5.6-5.6" />
    </>
  ),
  suspended: <path d="M4.5 3v6M7.5 3v6" />,
  crashed: <path d="m3 3 6 6M9 3 3 9" />,
  error: <path d="M6 2.2v4.6M6 9.4v.2" />,
  ok: <path d="m2.5 6.3 2.4 2.4 4.6-5" />,
  look: <path d="M6 1.8 1.4 10.2h9.2zM6 5v2.2M6 8.8v.1" />,
}

export type Shape = keyof typeof SHAPES

export function Mark({ shape, family, size = 12 }: { shape: Shape; family?: Family; size?: number }) {
  return (
    <svg
      aria-hidden="true"
      className={cx('shrink-0', family && DOT[family])}
      width={size}
      height={size}
      viewBox="0 0 12 12"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.3"
      strokeLinecap="round"
      strokeLinejoin="round"
    >
      {SHAPES[shape]}
    </svg>
  )
}

interface BadgeProps {
  family: Family
  shape: Shape
  children: ReactNode
  /** Shape and word without the edge, for tables. */
  plain?: boolean
}

export function Badge({ family, shape, children, plain = false }: BadgeProps) {
  if (plain) {
    return (
      <span className={cx('state-change inline-flex items-center gap-1.5 whitespace-nowrap', PLAIN[family])}>
        <Mark shape={shape} family={family} size={14} />
        {children}
      </span>
    )
  }
  return (
    <span
      className={cx(
        'state-change inline-flex h-[22px] items-center gap-1.5 rounded-in border pr-2 pl-[7px] text-12 font-medium leading-none whitespace-nowrap',
        EDGED[family],
      )}
    >
      <Mark shape={shape} />
      {children}
    </span>
  )
}

const BANNER: Record<Family, string> = {
  run: 'border-run-line bg-run-tint',
  move: 'border-move-line bg-move-tint',
  stop: 'border-line-2 bg-surface-2',
  warn: 'border-warn-line bg-warn-tint',
  fail: 'border-fail-line bg-fail-tint',
}

/** A lasting condition: what, why, and what to do about it. */
export function Banner({
  family,
  shape,
  title,
  children,
  actions,
}: {
  family: Family
  shape: Shape
  title: ReactNode
  children?: ReactNode
  actions?: ReactNode
}) {
  return (
    <div
      role="status"
      className={cx(
        'flex flex-wrap items-start gap-x-3 gap-y-2 rounded-box border px-4 py-2.5',
        BANNER[family],
      )}
    >
      <span className={cx('pt-[3px]', PLAIN[family])}>
        <Mark shape={shape} size={14} />
      </span>
      <div className="min-w-0 flex-1 basis-60">
        <span className={cx('font-medium', PLAIN[family])}>{title}</span>
        {children && typeof title === 'string' && !/[.!?…:]$/.test(title) && (
          <span className={PLAIN[family]}>.</span>
        )}
        {children && <span className="text-t2"> {children}</span>}
      </div>
      {actions && <div className="flex flex-wrap items-center gap-2">{actions}</div>}
    </div>
  )
}
