import { cx } from '~/util/cx'

export type Level = 'normal' | 'warn' | 'fail'

/** Amber from 90 % of the limit, red at it. No limit, no level. */
export function levelOf(value: number | null | undefined, limit: number): Level {
  if (value == null || limit <= 0) return 'normal'
  const share = value / limit
  if (share >= 0.98) return 'fail'
  return share >= 0.9 ? 'warn' : 'normal'
}

export const LEVEL_TEXT: Record<Level, string> = { normal: '', warn: 'text-warn-fg', fail: 'text-fail-fg' }
const STROKE: Record<Level, string> = {
  normal: 'var(--spark)',
  warn: 'var(--warn-dot)',
  fail: 'var(--fail-dot)',
}

interface SparkProps {
  values: Array<number | null>
  /** 0 for none: the scale then follows the data. */
  limit: number
  width?: number
  height?: number
  away?: boolean
}

/** Missing data is a hole, never a bridge. */
function pathOf(values: Array<number | null>, width: number, height: number, max: number): string {
  const step = values.length > 1 ? width / (values.length - 1) : 0
  let path = ''
  let pen = false
  values.forEach((value, at) => {
    if (value == null) {
      pen = false
      return
    }
    const y = height - 1 - (Math.min(value, max) / max) * (height - 2)
    path += `${pen ? 'L' : 'M'}${(at * step).toFixed(1)} ${y.toFixed(1)}`
    pen = true
  })
  return path
}

export function Spark({ values, limit, width = 60, height = 24, away = false }: SparkProps) {
  const last = values.findLast((v) => v != null) ?? 0
  const peak = Math.max(0, ...values.map((v) => v ?? 0))
  const max = (limit > 0 ? limit : peak || 1) * 1.12
  const limitY = height - 1 - (limit / max) * (height - 2)
  return (
    <svg
      aria-hidden="true"
      className={cx('block shrink-0', away && 'opacity-40')}
      width={width}
      height={height}
      viewBox={`0 0 ${width} ${height}`}
      fill="none"
    >
      {limit > 0 && (
        <path
          d={`M0 ${limitY.toFixed(1)}H${width}`}
          stroke="var(--chart-limit)"
          strokeDasharray="2 3"
          opacity=".65"
        />
      )}
      <path
        d={pathOf(values, width, height, max)}
        stroke={STROKE[levelOf(last, limit)]}
        strokeWidth="1.25"
        strokeLinejoin="round"
      />
    </svg>
  )
}

const BARS = {
  use: 'fill-chart-2',
  accent: 'fill-chart-1',
  move: 'fill-move-dot',
  run: 'fill-run-dot',
  warn: 'fill-warn-dot',
  fail: 'fill-fail-dot',
} as const

/** Width by an SVG attribute: no style attribute, so nothing for the policy to refuse. */
export function Bar({
  share,
  also = 0,
  look = 'use',
  height = 4,
  label,
}: {
  /** 0 to 1. */
  share: number
  /** Promised beyond what is used, drawn at 32 %. */
  also?: number
  look?: keyof typeof BARS
  height?: number
  label: string
}) {
  const used = Math.min(1, Math.max(0, share)) * 100
  const promised = Math.min(100 - used, Math.max(0, also * 100 - used))
  const fill = BARS[look]
  return (
    <svg
      role="img"
      aria-label={label}
      className="block w-full rounded-pill"
      height={height}
      preserveAspectRatio="none"
      viewBox={`0 0 100 ${height}`}
    >
      <rect width="100" height={height} className="fill-track" />
      <rect width={used} height={height} className={fill} />
      {promised > 0 && <rect x={used} width={promised} height={height} className={fill} opacity=".32" />}
    </svg>
  )
}
