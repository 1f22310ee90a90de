import { cx } from '~/util/cx'

/** An open ring, one turn a second. Only in buttons, the tray and rows of progress; badges never turn. */
export function Spinner({ size = 14, className }: { size?: number; className?: string }) {
  return (
    <svg
      aria-hidden="true"
      className={cx('spin shrink-0', className)}
      width={size}
      height={size}
      viewBox="0 0 14 14"
      fill="none"
      stroke="currentColor"
      strokeWidth="2"
      strokeLinecap="round"
    >
      <path d="M7 1.5a5.5 5.5 0 1 0 5.5 5.5" />
    </svg>
  )
}
